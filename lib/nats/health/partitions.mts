import { beyond, partitionGroups } from "../jetstream/partitions.mts";
import { unevenPartitions } from "../jetstream/spread.mts";
import { type Checker, finding } from "./check.mts";

/** Leaders that drifted together after restarts: everything works, on fewer nodes than there are. */
export const partitionLeaders: Checker = (state) => {
  const uneven = unevenPartitions(state);
  return [...new Set(partitionGroups(state).map((g) => g.name))].map((name) =>
    finding("partitions.leaders", "partition leaders spread", name, {
      warning: uneven.filter((u) => u.of === name).map((u) => `${u.name} is led by ${u.leads}`),
      ok: "evenly",
      next: "Run --role jetstream-setup",
    }),
  );
};

/** Streams of an earlier number of partitions: their messages are there, but no new ones come, and nobody may know that they want to be pulled. */
export const formerPartitions: Checker = (state, { partitions }) => {
  if (!partitions) return [];
  const stranded = partitionGroups(state).map(({ name, streams }) => ({
    name,
    former: beyond(streams, name, partitions.find((p) => p.name === name)?.count ?? 0),
    why: partitions.some((p) => p.name === name) ? "lies beyond the declared partitions" : "is a partition of a stream that isn't declared so",
  }));
  const undivided = partitions.map(({ name }) => ({
    name,
    former: state.streams.filter((s) => s.name === name),
    why: "is from before it had partitions",
  }));
  return [...stranded, ...undivided].flatMap(({ name, former, why }) =>
    former.map((s) => {
      const left = s.consumers.reduce((sum, c) => sum + c.pending + c.ackPending, 0);
      return finding("partitions.former", "no messages left aside", s.name, {
        warning: [`it ${why} and holds ${s.copies[0]?.messages ?? 0} messages, ${left} of them still due to its consumers`],
        ok: "",
        next: `Let its consumers finish, back it up and delete it (nats stream rm ${s.name}), or declare ${name} as it was`,
      });
    }),
  );
};
