import { memberOf, metaGroup } from "../../lib/nats/jetstream/peers.mts";
import { observe } from "../../lib/nats/observe.mts";
import type { HostRole } from "../../lib/playbook/role.mts";
import { freshStore } from "../../lib/resources/fresh-store.mts";
import type { Cluster } from "../cluster.mts";
import { CONF } from "../cluster-config/tasks.mts";
import type { Vars } from "../schema.mts";
import { refusal, type Step } from "./stage.mts";
import { type Standing, withSys } from "./standing.mts";

/** How long new servers may take to be members, ms. A name that was removed is taken in again after five minutes (nats-server 2.12 and later). */
const JOINING_MS = 420_000;
/** They are taken in one by one, which is a matter of seconds, ms. */
const USUAL_MS = 20_000;
const POLL_MS = 400;

/** A host that joins brings no server of another cluster, and no store of an earlier membership. */
export const newcomer: HostRole<Vars, void> = {
  kind: "host",
  name: "scale",
  prepare: async () => {},
  resources: ({ vars }) => [
    freshStore({ server: vars.server_name, cluster: vars.cluster.name, conf: CONF, storeDir: vars.jetstream.store_dir, jetstream: vars.jetstream.enabled }),
  ],
};

/** The new servers run, and are members of the meta group where they have JetStream. */
export function joined(joins: readonly Standing[], cluster: Cluster, waiting: readonly string[]): Step {
  const wanted = joins.map((j) => j.server);
  const missing = async (): Promise<string[]> => {
    const group = await withSys(cluster, (sys) => metaGroup(sys, waiting)).catch(() => undefined);
    const { servers } = await observe(cluster.target, cluster.connect);
    return joins
      .filter(({ server, host }) => (host!.vars.jetstream.enabled ? !group || !memberOf(group, server) : !servers.some((s) => s.name === server && s.inMesh)))
      .map((j) => j.server);
  };
  return {
    task: `${wanted.join(", ")} in the cluster`,
    changes: async () => wanted.map((server) => ({ attribute: server, current: "new", desired: "member" })),
    work: async (say, signal) => {
      for (const since = Date.now(); ; await new Promise((resolve) => setTimeout(resolve, POLL_MS))) {
        signal.throwIfAborted();
        const left = await missing();
        if (!left.length) return;
        if (Date.now() - since > JOINING_MS)
          throw refusal(
            `${left.join(", ")} didn't join within ${JOINING_MS / 1000} s`,
            "look at its log (journalctl -u nats-server), and whether its route port is open to the others; then run again",
          );
        say(
          `waiting for ${left.join(", ")}${Date.now() - since > USUAL_MS ? ": a name that has left the group is taken in again only some minutes later" : ""}`,
        );
      }
    },
  };
}
