import type { ClusterState } from "../state.mts";
import { type Check, type Checker, finding, streamLabel } from "./check.mts";
import { peerFaults } from "./meta.mts";

/** Raft operations that may be on the wire while an asset takes traffic: the servers count them as lag of a healthy replica. */
export const IN_FLIGHT = 512;

export const declaredStreams: Checker = (state, expected) =>
  (expected.streams ?? [])
    .filter((e) => !find(state, e.name))
    .map((e) =>
      finding("stream.exists", "stream exists", e.name, {
        failed: ["no server holds it"],
        ok: "",
        next: "Run --role jetstream-setup; if it existed before, all its replicas are down or its store is gone",
      }),
    );

/** Only when the meta group was asked: what lay on a dead node alone can't be seen in the others' accounts of what they hold. */
export const unseen: Checker = (state, expected) =>
  (state.unseen ?? [])
    .filter((name) => !expected.streams?.some((e) => e.name === name))
    .map((name) =>
      finding("stream.unseen", "stream can be reached", name, {
        failed: ["every node that holds it is gone: it takes and gives no message"],
        ok: "",
        next: "Bring the stopped nodes back; afterwards give it more replicas (num_replicas: 3)",
      }),
    );

export const replicas: Checker = (state, expected) =>
  state.streams.map((s) => {
    const declared = expected.streams?.find((e) => e.name === s.name)?.replicas;
    const wanted = declared ?? s.config.num_replicas;
    const have = s.leader ? s.replicas.length + 1 : s.copies.length;
    const holders = [s.leader, ...s.replicas.map((p) => p.name)];
    const lost = s.replicas.filter((p) => !s.copies.some((c) => c.server === p.name) && !p.offline).map((p) => p.name);
    const failed = [
      ...(!s.leader ? [`no leader (held by ${s.copies.map((c) => c.server).join(", ")})`] : []),
      ...(s.config.num_replicas !== wanted ? [`configured for ${s.config.num_replicas} replicas, expected ${wanted}`] : []),
      ...(have < s.config.num_replicas ? [`${have} of ${s.config.num_replicas} replicas`] : []),
      ...s.replicas.flatMap((p) => peerFaults(p, s.moving ? IN_FLIGHT : 0)),
      ...lost.map((p) => `${p} holds no copy, or doesn't answer`),
      ...(s.leader ? s.copies.filter((c) => !holders.includes(c.server)).map((c) => `${c.server} holds a copy that isn't a replica`) : []),
    ];
    return finding("stream.replicas", "replicas current", streamLabel(state, s), {
      failed,
      ok: `${have} replica${have > 1 ? "s" : ""}, leader ${s.leader}`,
      next: !s.leader
        ? "Bring its stopped replicas back: a majority must run"
        : s.config.num_replicas !== wanted
          ? "Run --role jetstream-setup"
          : "Wait until the replica has caught up; if it doesn't, restart that node, then remove the peer from the stream so that a new replica is made",
    });
  });

/** Drift between replicas that the servers call current (#5576, #7791) shows only here. */
export const sequences: Checker = (state) =>
  state.streams
    .filter((s) => s.copies.length > 1)
    .map((s) => {
      const behind = s.copies.filter((c) => c.lastSeq < s.mark);
      const equal = new Set(s.copies.map((c) => c.lastSeq)).size === 1;
      const failed = behind.map((c) => `${c.server} has ${c.lastSeq}, others reached ${s.mark}`);
      if (failed.length === 0 && !equal && !s.moving) failed.push(s.copies.map((c) => `${c.server} has ${c.lastSeq}`).join(", "));
      const counts = new Set(s.copies.map((c) => c.messages));
      return finding("stream.sequences", "equal last sequence", streamLabel(state, s), {
        failed,
        warning: equal && !s.moving && counts.size > 1 ? [`message counts differ: ${s.copies.map((c) => `${c.server} ${c.messages}`).join(", ")}`] : [],
        ok: equal ? `${s.copies[0]!.lastSeq} on ${s.copies.map((c) => c.server).join(", ")}` : `moving, all past ${s.mark}`,
        next: "Wait; if it stays while nothing is published, remove the drifted peer from the stream so that it is copied anew",
      });
    });

/** A stream that discards new messages stops taking any at its limit; one that discards old ones is meant to be full. */
export const streamLimits: Checker = (state) =>
  state.streams.flatMap((s): Check[] => {
    if (s.config.discard !== "new") return [];
    const copy = s.copies.find((c) => c.server === s.leader) ?? s.copies[0]!;
    const used = [
      ["max_msgs", copy.messages],
      ["max_bytes", copy.bytes],
    ] as const;
    const full = used.flatMap(([field, value]) => {
      const limit = Number(s.config[field]);
      return limit > 0 && value >= 0.9 * limit ? [{ text: `${value} of ${field} ${limit}`, over: value >= limit }] : [];
    });
    return [
      finding("stream.limits", "room for messages", streamLabel(state, s), {
        failed: full.filter((f) => f.over).map((f) => f.text),
        warning: full.map((f) => f.text),
        ok: "below 90 %",
        next: "Raise the limit or let its consumers catch up: it refuses new messages when full",
      }),
    ];
  });

const find = (state: ClusterState, stream: string) => state.streams.find((s) => s.name === stream);
