import type { Change } from "./choose.mts";
import { ghostNext } from "./ghosts.mts";
import type { Before, Standing } from "./standing.mts";

export interface Obstacle {
  what: string;
  next: string;
}

/** Why a change of members must not begin now; none when it may. Pure. */
export function obstacles(change: Change, before: Before): Obstacle[] {
  const { state, group, leaving, stays, joins, ghosts, unheld, unasked } = before;
  const found: Obstacle[] = [];
  const say = (what: string, next: string): void => {
    found.push({ what, next });
  };
  if (!state.servers.length)
    return [
      {
        what: `no server of the cluster answers${state.failure ? `: ${state.failure.split("\n")[0]}` : ""}`,
        next: "a cluster that isn't there yet is made by site.mts; for one that is down, start its servers first",
      },
    ];
  const jetstream = [...stays, ...joins, ...leaving].some((s) => s.host?.vars.jetstream.enabled);
  if (!group && jetstream)
    return [
      {
        what: "the meta group has no leader, so nobody can change who is in it",
        next: "bring back so many of its JetStream nodes that a majority runs; then run again",
      },
    ];
  for (const { name } of ghosts) {
    say(`${name} is a member of the cluster, but not of the inventory`, ghostNext([name]));
  }
  for (const l of leaving)
    if (l.dead && l.runs)
      say(
        `${l.server} isn't dead: its server answers`,
        "to replace one that runs, add --retire: its streams are moved off it and it is stopped through lame duck first",
      );
  const silent = leaving.filter((l) => l.member && !l.runs);
  const down = new Set([...silent.map((l) => l.server), ...stays.filter((s) => s.member && !s.runs).map((s) => s.server)]);
  const { members = [], size = 0 } = group ?? {};
  const up = members.filter((m) => !down.has(m.name) && !m.offline).length;
  for (const s of stays)
    if (silent.length && !s.runs) say(`${s.server} doesn't answer either`, `start it first; or, if it is gone for good too, name it with --dead as well`);
  if (silent.length && up <= size / 2) say(`only ${up} of ${size} members of the meta group run: no majority`, "bring one more of them back first");
  const able = [...stays, ...joins].filter((s) => s.host!.vars.jetstream.enabled).length;
  const needy = state.streams.filter((s) => s.config.num_replicas > able);
  if (leaving.length && needy.length) {
    say(
      `${needy.map((s) => `stream ${s.name} has ${s.config.num_replicas} replicas`).join(", ")}, and ${able} JetStream nodes would be left`,
      "lower num_replicas first (in the inventory, then site.mts), or keep more nodes",
    );
  }
  if (silent.length) {
    const leaderless = state.streams.filter((s) => !s.leader);
    if (leaderless.length)
      say(
        `${leaderless.map((s) => `stream ${s.name}`).join(", ")} ${leaderless.length > 1 ? "have" : "has"} no leader: a majority of the replicas is down`,
        "bring their other servers back first",
      );
    if (unheld.length && !change.acceptLoss) {
      say(
        `${unheld.join(", ")}: the only replica is on ${names(silent)}, and would be lost`,
        `bring ${names(silent)} back and move it (scale.mts --remove does), or restore it from a backup afterwards and say so with --accept-loss`,
      );
    }
  } else if (unheld.length) {
    say(
      `${unheld.join(", ")}: no server that runs holds it`,
      "start the server that does, or delete it: what is held nowhere can't be told from what the one that leaves takes with it",
    );
  }
  if (unasked !== undefined && !change.acceptLoss) {
    say(
      `what the leaving servers alone hold can't be told: ${unasked}`,
      "give that account a user without permissions (users: in the inventory, then site.mts), and see that the cluster answers; then run again",
    );
  }
  return found;
}

/** What the user should know before it begins. Pure. */
export function cautions({ stays, joins, leaving }: Before): string[] {
  const able = [...stays, ...joins].filter((s) => s.host!.vars.jetstream.enabled).length;
  const gone = leaving
    .filter((l) => !l.host && !l.member && !l.runs)
    .map((l) => `${l.server} is neither in the inventory nor in the cluster: it has left already, or its name is misspelt`);
  if (!leaving.length || able % 2 === 1) return gone;
  return [
    ...gone,
    able === 2
      ? "2 JetStream nodes will be left: when either of them fails, no stream of two replicas takes messages any more; three is the least that bears a failure"
      : `${able} JetStream nodes will be left: an even number bears no more failures than ${able - 1}`,
  ];
}

const names = (all: readonly Standing[]): string => all.map((s) => s.server).join(", ");
