import { compile, plan } from "../../lib/engine/compile.mts";
import type { EventInput, Failure } from "../../lib/engine/events.mts";
import type { Resource } from "../../lib/engine/resource.mts";
import type { Session } from "../../lib/engine/session.mts";
import type { Host } from "../../lib/inventory/types.mts";
import type { Place } from "../../lib/resources/drill-faults.mts";
import type { Cluster } from "../cluster.mts";
import type { Vars } from "../schema.mts";
import type { SiteRun } from "../site.mts";

/** How one thing on a host ended, when it didn't fail. */
export type Done = Pick<Extract<EventInput, { type: "task_end" }>, "status" | "changes" | "reason">;

/** What a drill reaches its servers with. */
export interface Hands {
  /** Does one thing on the host of a server, or, under check, looks whether it could be done. @throws with a failure */
  on(server: string, wanted: (place: Place) => Resource, mode: "apply" | "check"): Promise<Done>;
}

/** On several servers at once: all are seen to, and then the first failure is thrown. */
export async function onEach(hands: Hands, servers: readonly string[], wanted: (place: Place) => Resource, mode: "apply" | "check"): Promise<Done[]> {
  const all = await Promise.allSettled(servers.map((name) => hands.on(name, wanted, mode)));
  return all.map((one) => {
    if (one.status === "rejected") throw one.reason;
    return one.value;
  });
}

/** Over the run's SSH connections, which hold the hosts' locks. */
export const handsOf =
  (run: SiteRun) =>
  ({ hosts }: Cluster): Hands => {
    return {
      async on(server, wanted, mode) {
        const host = hosts.find((h) => h.vars.server_name === server)!;
        const session = await run.connections.to(host);
        const resource = wanted(placeOf(host));
        const end = (session && (await once(run, session, resource, mode))) ?? (await once(run, await run.connections.again(host), resource, mode));
        if (end?.status === "failed") throw failed(host, end.failure);
        if (!end)
          throw failed(host, {
            what: "the connection was lost",
            next: "run the drill again: it begins by undoing what is left; the host itself does after its time",
          });
        return end;
      },
    };
  };

const placeOf = ({ vars }: Host<Vars>): Place => ({ store: vars.jetstream.store_dir, ports: [vars.port, vars.cluster.port] });

const failed = (host: Host, failure: Failure | undefined): Error =>
  Object.assign(new Error(failure?.what), { failure: { ...failure, what: `${host.name}: ${failure?.what}` } });

/** undefined: the connection has gone. */
async function once(
  run: SiteRun,
  session: Session,
  resource: Resource,
  mode: "apply" | "check",
): Promise<Extract<EventInput, { type: "task_end" }> | undefined> {
  let end: Extract<EventInput, { type: "task_end" }> | undefined;
  const outcome = await session.run(compile(plan([{ role: "drill", resources: [resource] }]), { mode, diff: false }), "drill", (e) => {
    if (e.type === "task_end") end = e;
    if (e.type === "warning") run.emit(e);
  });
  if (outcome.stopped) throw new Error("the run was stopped");
  return outcome.lost ? undefined : end;
}
