import type { Check, Checker, Expectation } from "./health/check.mts";
import { ackPending, alive, declaredConsumers } from "./health/consumers.mts";
import { limits } from "./health/limits.mts";
import { clusterName, routeRtt, routes, wholeRoutes } from "./health/mesh.mts";
import { jetstreamOn, meta } from "./health/meta.mts";
import { clock, configuration, healthz, named, reachable, slowConsumers, strangers, version } from "./health/nodes.mts";
import { formerPartitions, partitionLeaders } from "./health/partitions.mts";
import { auth, authorities, tls } from "./health/security.mts";
import { declaredStreams, replicas, sequences, streamLimits, unseen } from "./health/streams.mts";
import type { ClusterState } from "./state.mts";

export type { Check, Expectation } from "./health/check.mts";

/** What must hold before the next node may be touched: the cluster can lose any one node. */
const SAFETY: readonly Checker[] = [
  reachable,
  named,
  version,
  configuration,
  clusterName,
  routes,
  healthz,
  jetstreamOn,
  meta,
  declaredStreams,
  replicas,
  sequences,
  declaredConsumers,
  alive,
];

/** What else a good cluster has, of no matter to a roll. */
const CONDITION: readonly Checker[] = [
  wholeRoutes,
  routeRtt,
  unseen,
  ackPending,
  partitionLeaders,
  formerPartitions,
  streamLimits,
  limits,
  slowConsumers,
  clock,
  strangers,
  tls,
  authorities,
  auth,
];

/** Every check of a cluster in the order in which to read them: nodes, mesh, meta group, streams, consumers, limits, security. Pure. */
export const checks = (state: ClusterState, expected: Expectation = {}): Check[] => [...SAFETY, ...CONDITION].flatMap((checker) => checker(state, expected));

/** The checks that gate a roll. Pure. */
export const safetyChecks = (state: ClusterState, expected: Expectation = {}): Check[] => SAFETY.flatMap((checker) => checker(state, expected));
