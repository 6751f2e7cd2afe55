import { join } from "node:path";
import type { Test } from "tap";
import { type CompileOptions, compile, plan } from "../../lib/engine/compile.mts";
import type { EventInput } from "../../lib/engine/events.mts";
import type { Resource } from "../../lib/engine/resource.mts";
import { Session } from "../../lib/engine/session.mts";
import type { Outcome } from "../../lib/engine/step-events.mts";
import type { Connection } from "../../lib/inventory/types.mts";
import type { Lab } from "../../lib/lab/lab.mts";
import { inventoryDir } from "../../lib/lab/paths.mts";
import { ControlFolder } from "../../lib/ssh/master.mts";

type TaskEnd = Extract<EventInput, { type: "task_end" }>;

export interface Ran {
  outcome: Outcome;
  /** by task: `type name` */
  tasks: Record<string, TaskEnd>;
  /** by task, its status and why */
  statuses: Record<string, string>;
  warnings: string[];
}

/** How one reaches a host of a lab. */
export async function connectionTo(lab: Lab, name: string): Promise<Connection> {
  const address = (await lab.status()).hosts.find((h) => h.name === name)!.address;
  const dir = inventoryDir(lab.region);
  return { address, user: "root", identity_file: join(dir, "id_ed25519"), options: {}, known_hosts: join(dir, "known_hosts"), become: false };
}

/** A session with a host of a lab, closed when the test ends. */
export async function sessionWith(t: Test, lab: Lab, name: string): Promise<Session> {
  const folder = new ControlFolder();
  const session = await Session.open(
    { name, groups: [], connection: await connectionTo(lab, name), vars: {} },
    { nonce: "nonce-of-a-test", who: "test", lock: false, storeDir: "/var/lib/nats/jetstream", control: folder.socket(), acceptNewHostKeys: false },
  );
  t.teardown(async () => {
    await session.close();
    folder.remove();
  });
  return session;
}

/** Runs resources, and the handlers they notify, as one program. */
export async function run(session: Session, resources: readonly Resource[], mode: CompileOptions["mode"] = "apply"): Promise<Ran> {
  const tasks: Record<string, TaskEnd> = {};
  const warnings: string[] = [];
  const outcome = await session.run(compile(plan([{ role: "test", resources }]), { mode, diff: true }), "test", (e) => {
    if (e.type === "task_end") tasks[e.task] = e;
    if (e.type === "warning") warnings.push(e.text);
  });
  const statuses = Object.fromEntries(
    Object.entries(tasks).map(([task, { status, reason, failure }]) => [task, [status, reason ?? failure?.what].filter(Boolean).join(": ")]),
  );
  return { outcome, tasks, statuses, warnings };
}
