import { connectApp, connectSys } from "../../lib/nats/connect.mts";
import { connectedBy } from "../../lib/nats/connected-by.mts";
import { publicKey } from "../../lib/pki/secrets.mts";
import type { ClusterRole, ClusterTask } from "../../lib/playbook/role.mts";
import type { Cluster } from "../cluster.mts";
import type { Rotating } from "./users.mts";

/** Enough to tell whom it concerns. */
const SHOWN = 10;
const at = { file: "", line: 0 };

/** Each new seed on each node: before anybody is told to use it. */
export const newSeedsAccepted = (users: readonly Rotating[]): ClusterRole<Cluster> => ({
  kind: "cluster",
  name: "rotate",
  list: () => users.map(nameOf),
  tasks: ({ target, connect }) =>
    users.map(
      (user): ClusterTask => ({
        task: nameOf(user),
        at,
        async run() {
          for (const node of target.nodes) {
            const nc = await connectApp({ ...target, nodes: [node], app: { nkeySeed: user.seeds.next! } }, connect);
            await nc.close();
          }
          return { status: "ok", reason: `on ${target.nodes.map((n) => n.lane).join(", ")}` };
        },
      }),
    ),
});

const nameOf = (user: Rotating): string => `new seed of ${user.name}`;

/** Who would be cut off: nobody may be connected by a seed that is about to go. */
export const nobodyByOldSeed = (users: readonly Rotating[]): ClusterRole<Cluster> => ({
  kind: "cluster",
  name: "rotate",
  list: () => users.map((u) => `old seed of ${u.name}`),
  tasks: ({ target, connect }) =>
    users.map(
      (user): ClusterTask => ({
        task: `old seed of ${user.name}`,
        at,
        async run() {
          const nc = await connectSys(target, connect);
          try {
            const clients = await connectedBy(
              nc,
              publicKey(user.seeds.old!),
              target.nodes.map((n) => n.name),
            );
            if (!clients.length) return { status: "ok", reason: "nobody is connected by it" };
            return {
              status: "failed",
              failure: {
                what: `${clients.length} client${clients.length > 1 ? "s are" : " is"} connected by the old seed of ${user.name}`,
                output: clients
                  .slice(0, SHOWN)
                  .map((c) => `${c.ip}  ${c.name || "(without a name)"}  on ${c.server}`)
                  .join("\n"),
                next: `give them ${user.seeds.variable} of .env and run again; or add --disconnect-clients, which cuts them off`,
              },
            };
          } finally {
            await nc.close();
          }
        },
      }),
    ),
});
