import type { Peer } from "../state.mts";
import { type Check, type Checker, clustered, finding, jetstreamNodes, label } from "./check.mts";

export const jetstreamOn: Checker = (state) =>
  jetstreamNodes(state).flatMap(({ node, server }): Check[] =>
    server
      ? [
          finding("jetstream.enabled", "JetStream runs", label(node), {
            failed: server.jetstream ? [] : ["JetStream is off, or gave no answer"],
            ok: "on",
            next: `Read the log of ${node.lane}: a server whose store can't be read switches JetStream off`,
          }),
        ]
      : [],
  );

/** One leader whom all name, as many members as the inventory has JetStream nodes, each current and heard. */
export const meta: Checker = (state) => {
  const nodes = jetstreamNodes(state);
  const views = nodes.flatMap(({ node, server }) => (server?.jetstream?.meta ? [{ node, server, meta: server.jetstream.meta }] : []));
  if (!clustered(state) || nodes.length === 0 || views.length === 0) return [];
  const named = new Set(views.map((v) => v.meta.leader));
  const leader = views.find((v) => v.meta.leader === v.server.name);
  const leaderless = views.filter((v) => !v.meta.leader).map((v) => label(v.node));
  const agree = named.size === 1 && leader !== undefined;
  const checks = [
    finding("meta.leader", "one meta leader", undefined, {
      failed: agree
        ? []
        : leaderless.length > 0
          ? [`no meta leader known on ${leaderless.join(", ")}`]
          : named.size > 1
            ? [`the servers disagree: ${views.map((v) => `${label(v.node)} says ${v.meta.leader}`).join(", ")}`]
            : [`all name ${[...named][0]}, which doesn't lead or doesn't answer`],
      ok: [...named][0] ?? "",
      next: "Wait for an election; without one, check that a majority of the JetStream nodes runs and that their routes are up",
    }),
  ];
  if (!leader) return checks;
  const { size, replicas } = leader.meta;
  const expected = new Set(nodes.map((n) => n.node.name));
  const ghosts = replicas.filter((p) => !expected.has(p.name)).map((p) => p.name);
  const absent = [...expected].filter((name) => name !== leader.server.name && !replicas.some((p) => p.name === name));
  return [
    ...checks,
    finding("meta.size", "size of the meta group", undefined, {
      failed: [
        ...(size !== expected.size ? [`${size} members, expected ${expected.size}`] : []),
        ...ghosts.map((name) => `${name} is a member but not of the inventory`),
        ...absent.map((name) => `${name} isn't a member`),
      ],
      ok: `${size} members`,
      next:
        ghosts.length > 0
          ? `It counts for the quorum. ${ghosts.length > 1 ? "They leave" : "It leaves"} by scale.mts --remove ${ghosts.join(",")} (back in hosts.yml for that) or, when gone for good, by replace-node.mts --dead ${ghosts.join(",")}`
          : "Wait until all JetStream nodes have joined",
    }),
    finding("meta.peers", "meta group current", undefined, {
      failed: replicas.flatMap((p) => peerFaults(p)),
      ok: `${replicas.length + 1} current`,
      next: "Wait until they have caught up; look at the nodes named",
    }),
  ];
};

/** Why a peer isn't what a healthy one is, in words; empty when it is. `tolerance`: operations it may be behind. */
export function peerFaults(p: Peer, tolerance = 0): string[] {
  if (p.offline) return [`${p.name} is offline`];
  if (p.lag > tolerance) return [`${p.name} is ${p.lag} operations behind`];
  if (!p.current && p.lag === 0) return [`${p.name} isn't current`];
  return tolerance === 0 && !p.current ? [`${p.name} isn't current`] : [];
}
