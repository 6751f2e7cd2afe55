import type { NatsConnection } from "nats";
import { ask, type Varz } from "../system.mts";
import type { NodeSample } from "./types.mts";

/** Watches what the servers take, by their own account. */
export class NodeWatch {
  readonly #nc: NatsConnection;
  readonly #names: readonly string[];
  readonly #before = new Map<string, { at: number; varz: Varz }>();
  #samples = new Map<string, NodeSample[]>();
  readonly versions = new Map<string, string>();

  constructor(nc: NatsConnection, names: readonly string[]) {
    this.#nc = nc;
    this.#names = names;
  }

  /** Asks all servers; one that doesn't answer in time has no sample. @param at seconds from the beginning of the measured time */
  async look(at: number): Promise<void> {
    const answers = await ask(this.#nc, "VARZ", this.#names, { timeoutMs: 900 }).catch(() => []);
    for (const { server, data, at: when } of answers) {
      this.versions.set(server.name, server.ver);
      const before = this.#before.get(server.name);
      this.#before.set(server.name, { at: when, varz: data });
      if (!before || when <= before.at || data.in_msgs < before.varz.in_msgs) continue;
      const perSecond = (field: "in_bytes" | "out_bytes" | "in_msgs" | "out_msgs"): number => ((data[field] - before.varz[field]) * 1000) / (when - before.at);
      const samples = this.#samples.get(server.name) ?? [];
      this.#samples.set(server.name, samples);
      samples.push({
        at,
        cpu: data.cpu,
        memory: data.mem,
        inBytes: perSecond("in_bytes"),
        outBytes: perSecond("out_bytes"),
        inMessages: perSecond("in_msgs"),
        outMessages: perSecond("out_msgs"),
        slowConsumers: data.slow_consumers,
      });
    }
  }

  /** The samples since the last time. */
  take(): { node: string; samples: NodeSample[] }[] {
    const taken = [...this.#samples].map(([node, samples]) => ({ node, samples }));
    this.#samples = new Map();
    return taken.sort((a, b) => this.#names.indexOf(a.node) - this.#names.indexOf(b.node));
  }
}
