import { peerFaults } from "./health/meta.mts";
import { IN_FLIGHT } from "./health/streams.mts";
import { metaLeader } from "./roll.mts";
import type { ClusterState } from "./state.mts";

/**
 * What is still missing until the others hold, without `name` (a server that is down), all that was ever acknowledged, and have their
 * leaders; empty when nothing is. Only then may a server that has lost its store come back under its name: a majority that
 * counts one that has forgotten could else agree on less than what was acknowledged. Pure.
 */
export function missingWithout(state: ClusterState, name: string): string[] {
  const leader = metaLeader(state);
  const meta = state.servers.find((s) => s.name === leader)?.jetstream?.meta;
  const others = <P extends { name: string }>(peers: readonly P[]): P[] => peers.filter((p) => p.name !== name);
  const missing =
    meta && leader !== name
      ? others(meta.replicas)
          .flatMap((p) => peerFaults(p))
          .map((f) => `meta group: ${f}`)
      : ["no meta leader among the others"];
  for (const s of state.streams) {
    if (s.leader === "" || s.leader === name) {
      missing.push(`stream ${s.name}: no leader among the others`);
      continue;
    }
    // `mark`: the highest sequence that any of them had, read after the server had gone
    missing.push(
      ...others(s.copies.map((c) => ({ ...c, name: c.server })))
        .filter((c) => c.lastSeq < s.mark)
        .map((c) => `stream ${s.name}: ${c.name} has ${c.lastSeq} of ${s.mark}`),
    );
    missing.push(
      ...others(s.replicas)
        .flatMap((p) => peerFaults(p, s.moving ? IN_FLIGHT : 0))
        .map((f) => `stream ${s.name}: ${f}`),
    );
    for (const c of s.consumers) {
      if (c.leader === "" || c.leader === name) missing.push(`consumer ${s.name} > ${c.name}: no leader among the others`);
      else
        missing.push(
          ...others(c.replicas)
            .flatMap((p) => peerFaults(p, c.moving ? IN_FLIGHT : 0))
            .map((f) => `consumer ${s.name} > ${c.name}: ${f}`),
        );
    }
  }
  return missing;
}
