import { compile, plan } from "../../lib/engine/compile.mts";
import type { Failure } from "../../lib/engine/events.mts";
import type { Facts } from "../../lib/engine/facts.mts";
import type { Host } from "../../lib/inventory/types.mts";
import { Connections } from "../../lib/playbook/connections.mts";
import { pool } from "../../lib/pool.mts";
import { type Disk, disks, disksOf } from "../../lib/resources/disks.mts";

const WIDTH = 20;

/** What a host is, or why that can't be told. */
export type Probed = { facts: Facts; disks: Disk[]; failure?: undefined } | { failure: Failure };

/** Logs in at all hosts at once and looks around; takes no lock and changes nothing. Their host keys must be known. */
export async function probe(hosts: readonly Host[], storeDir: (host: Host) => string): Promise<Map<string, Probed>> {
  const failures = new Map<string, Failure>();
  const connections = new Connections({ acceptNewHostKeys: false, lock: false, playbook: "region", storeDir }, (event) => {
    if ((event.type === "host_unreachable" || (event.type === "task_end" && event.failure)) && event.failure) failures.set(event.lane, event.failure);
  });
  const kill = (): void => connections.kill();
  process.on("exit", kill);
  try {
    const all = await pool(hosts, WIDTH, async (host): Promise<[string, Probed]> => {
      const session = await connections.to(host);
      if (!session) return [host.name, { failure: failures.get(host.name)! }];
      const looked = await session.run(compile(plan([{ role: "region", resources: [disks()] }]), { mode: "check", diff: false }), "probe", (event) => {
        if (event.type === "task_end" && event.failure) failures.set(host.name, event.failure);
      });
      return [
        host.name,
        looked.ok ? { facts: session.facts, disks: disksOf(looked.outputs) } : { failure: failures.get(host.name) ?? { what: "the connection was lost" } },
      ];
    });
    return new Map(all);
  } finally {
    await connections.close();
    process.off("exit", kill);
  }
}

/** `nats-node-1: nothing listens on 10.8.0.1 port 22; check …`: one line, as for a mistake in a file. */
export const lineOf = (host: string, { what, next }: Failure): string => `${host}: ${what}${next ? `; ${next}` : ""}`;
