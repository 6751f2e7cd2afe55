import type { ClusterState, ConsumerState, StreamState } from "../state.mts";
import { type Check, type Checker, finding, streamLabel } from "./check.mts";
import { peerFaults } from "./meta.mts";
import { IN_FLIGHT } from "./streams.mts";

/** `LOGS > pull-worker`, as the nats CLI writes it. */
const asset = (state: ClusterState, s: StreamState, c: ConsumerState) => `${streamLabel(state, s)} > ${c.name}`;

const each = (state: ClusterState, check: (s: StreamState, c: ConsumerState) => Check[]): Check[] =>
  state.streams.flatMap((s) => s.consumers.flatMap((c) => check(s, c)));

export const declaredConsumers: Checker = (state, expected) =>
  (expected.streams ?? []).flatMap((e) => {
    const stream = state.streams.find((s) => s.name === e.name);
    return (stream ? (e.consumers ?? []) : [])
      .filter((c) => !stream!.consumers.some((have) => have.name === c))
      .map((c) =>
        finding("consumer.exists", "consumer exists", `${e.name} > ${c}`, { failed: ["no server has it"], ok: "", next: "Run --role jetstream-setup" }),
      );
  });

export const alive: Checker = (state) =>
  each(state, (s, c) => {
    const have = c.replicas.length + 1;
    const failed = [
      ...(!c.leader ? ["no leader: nothing is delivered"] : []),
      ...(c.leader && have < c.replicaCount ? [`${have} of ${c.replicaCount} replicas`] : []),
      ...c.replicas.flatMap((p) => peerFaults(p, c.moving ? IN_FLIGHT : 0)),
    ];
    return [
      finding("consumer.alive", "consumer alive", asset(state, s, c), {
        failed,
        warning: c.paused ? ["paused"] : [],
        ok: `leader ${c.leader}, ${c.replicaCount} replica${c.replicaCount > 1 ? "s" : ""}, ${c.pending} pending`,
        next: c.paused
          ? "Resume it, or wait until pause_until"
          : !c.leader
            ? "Bring its stopped replicas back; if all run, step down the stream's leader (a consumer may hang after R1 → R3, nats-server #6838)"
            : "Wait until the replica has caught up",
      }),
    ];
  });

/** At max_ack_pending the server delivers nothing more, and nothing says so (#4112, #7680). */
export const ackPending: Checker = (state, { bounds: { ackPending: most = 100 } = {} }) =>
  each(state, (s, c) => {
    const limit = c.config.max_ack_pending ?? 0;
    // What a copy acknowledges by flow control may fill the limit while it catches up.
    if (limit <= 0 || c.config.ack_policy === "none" || c.config.ack_policy === "flow_control") return [];
    const text = `${c.ackPending} of ${limit} unacknowledged`;
    return [
      finding("consumer.ack-pending", "acks pending below the limit", asset(state, s, c), {
        failed:
          c.ackPending < limit
            ? 100 * c.ackPending > most * limit
              ? [`${text}: more than ${most} %`]
              : []
            : [`${text}: ${c.pull ? "its workers fetch" : "its subscribers get"} nothing more until they acknowledge; ${c.pending} wait`],
        warning: c.ackPending >= 0.9 * limit ? [`${text} (${Math.floor((100 * c.ackPending) / limit)} %)`] : [],
        ok: text,
        next: `Look whether the workers of ${c.name} acknowledge and are enough; raise max_ack_pending only when they are`,
      }),
    ];
  });
