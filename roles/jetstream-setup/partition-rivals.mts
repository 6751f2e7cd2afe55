import { partitionedAs, partitionName } from "../../lib/nats/jetstream/partitions.mts";
import type { ClusterState, StreamState } from "../../lib/nats/state.mts";
import { streamsAccount } from "../cluster-config/regions.mts";
import { subjectsOverlap } from "../cluster-config/subject.mts";
import type { Vars } from "../schema.mts";
import { indexes, isPartitioned, type PartitionedSpec } from "./partitions.mts";

/** Streams of the servers that are no partition of this one, in the account where it is made. */
const others = (state: ClusterState, vars: Vars, name: string): StreamState[] =>
  state.streams.filter((s) => s.account === streamsAccount(vars) && partitionedAs(s.config) !== name);

/** Streams of the servers that take in now what this one's partitions will take. */
export const feeders = (state: ClusterState, vars: Vars, { name, subjects = [] }: PartitionedSpec): StreamState[] =>
  others(state, vars, name).filter((s) => s.config.subjects?.some((taken) => subjects.some((subject) => subjectsOverlap(taken, subject))));

/**
 * Streams that nobody has declared and that partitions would harm: those whose messages the mapping would lead away, which servers don't refuse,
 * as the partitions' own subjects are others; and those that have a partition's name and would be made into it. Pure.
 */
export function rivals(state: ClusterState, vars: Vars): { name: string; what: string; next: string }[] {
  return vars.streams.filter(isPartitioned).flatMap((stream) => {
    const { name, partitions } = stream;
    const names = indexes(partitions).map((i) => partitionName(name, i));
    const robbed = feeders(state, vars, stream).filter((s) => s.name !== name && !vars.streams.some((declared) => declared.name === s.name));
    return [
      ...robbed.map((s) => ({
        name,
        what: `stream ${s.name}, which the inventory doesn't declare, takes in ${s.config.subjects!.join(", ")}: the partitions of ${name} would take its messages away. Nothing was changed`,
        next: `give one of them other subjects; or declare ${s.name} with those that stay its own`,
      })),
      ...others(state, vars, name)
        .filter((s) => names.includes(s.name))
        .map((s) => ({
          name,
          what: `stream ${s.name} exists and is no partition of ${name}: it would be made into one, and take in nothing else. Nothing was changed`,
          next: `choose another name than ${name}; or, if it is meant, say so: nats stream edit ${s.name} --metadata sampan.partition_of=${name}`,
        })),
    ];
  });
}
