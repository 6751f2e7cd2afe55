import type { NatsConnection } from "nats";
import { ask } from "../system.mts";
import type { BenchSpec, PullSpec } from "./types.mts";

/** Record header, subject and checksum of a stored message, generously. */
const PER_MESSAGE = 160;
const MIB = 1024 * 1024;
/** What the users' own streams hold may grow by this share meanwhile. */
const GROWTH = 1.1;

/** What a partition may take on each replica, and whether messages may leave for new ones. */
export function room({ seconds, warmUp }: BenchSpec, { rate, payload, partitions, backlog }: PullSpec): { bytes: number; keepMs?: number } {
  const size = (payload + PER_MESSAGE) * 1.25;
  // A closed loop takes as long as it takes: what workers have had may leave, and never is more than the backlog still wanted.
  if (rate === "max") return { bytes: Math.ceil(Math.max(64 * MIB, (256 * MIB) / partitions, 4 * backlog * size)), keepMs: 600_000 };
  return { bytes: Math.ceil((rate * (seconds + warmUp) * size * 1.1) / partitions) + 16 * MIB };
}

/**
 * Sees that the streams of a round fit beside what is there. Servers only compare what is reserved: users' streams without max_bytes are left
 * out of that, and a server whose store goes over its limit refuses their messages too.
 * @throws Error with what is missing, and `next`
 */
export async function enoughRoom(sys: NatsConnection, nodes: readonly string[], spec: BenchSpec): Promise<void> {
  const pull = spec.pull!;
  const answers = (await ask(sys, "JSZ", nodes, { body: {} })).filter(({ server, data }) => nodes.includes(server.name) && !data.disabled);
  if (!answers.length) return;
  const needed = Math.ceil((pull.partitions * Math.min(pull.replicas, answers.length)) / answers.length) * room(spec, pull).bytes;
  for (const { server, data } of answers) {
    const memory = pull.storage === "memory";
    const [most, used, reserved] = memory
      ? [data.config.max_memory, data.memory, data.reserved_memory]
      : [data.config.max_storage, data.storage, data.reserved_storage];
    const free = most - Math.max(used * GROWTH, reserved);
    if (most > 0 && needed > free)
      throw Object.assign(
        new Error(
          `the streams of the measurement may take ${mib(needed)} on ${server.name}, and of its jetstream.${memory ? "max_mem" : "max_file"} ${mib(Math.max(0, free))} are free beside what is there`,
        ),
        { next: "measure for a shorter time (--seconds), offer less, or free storage on the nodes" },
      );
  }
}

const mib = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`;
