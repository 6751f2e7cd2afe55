import { empty, type FieldChange } from "./compare.mts";

const STREAM = new Set(["storage", "first_seq", "allow_msg_counter", "persist_mode"]);
/** What may be switched on for ever, never off again. */
const ONE_WAY = new Set(["sealed", "deny_delete", "deny_purge", "allow_msg_ttl", "allow_msg_schedules"]);
const CONSUMER = new Set([
  "deliver_policy",
  "opt_start_seq",
  "opt_start_time",
  "ack_policy",
  "replay_policy",
  "mem_storage",
  "idle_heartbeat",
  "flow_control",
  "max_waiting",
]);

/**
 * Changes that no nats-server makes in place, by its own rules (configUpdateCheck in server/stream.go, checkNewConsumerConfig in
 * server/consumer.go). What one version refuses beyond these, its answer tells.
 */
export function immutable(kind: "stream" | "consumer", changes: readonly FieldChange[]): FieldChange[] {
  return changes.filter(({ field, current, desired }) => {
    if (kind === "consumer") return CONSUMER.has(field) || (field === "deliver_subject" && empty(current) !== empty(desired));
    if (ONE_WAY.has(field)) return !empty(current);
    if (field === "retention") return current === "workqueue" || desired === "workqueue";
    // A mirror can be promoted to a stream of its own, by taking `mirror` away; nothing else.
    if (field === "mirror") return !empty(desired);
    return STREAM.has(field);
  });
}
