import type { FlowBuffers } from "./memory.mts";
import type { FlowKind } from "./types.mts";

/** What the threads are told of a round. */
export interface Round {
  /** in every message, so that another round's aren't taken for this one's */
  tag: number;
  flows: { kind: FlowKind; buffers: FlowBuffers; subjects: Subjects }[];
}

/** Where a flow's messages go, by partition; push has one. */
export interface Subjects {
  /** the messages' subjects begin with it, one token follows */
  partitions: { prefix: string; stream: string; durable: string }[];
}

/** From the main thread to the others. `epoch`: clock.mts ms at which message 0 is due. */
export type Order = { type: "prepare"; round: Round } | { type: "go"; epoch: number } | { type: "stop" };

/** From a thread to the main one. */
export type Report =
  | { type: "connected" }
  /** subscribed, says the server */
  | { type: "prepared" }
  /** the time to send is over; `loop`: share of the measured time in which the thread was busy */
  | { type: "sent"; loop: number }
  /** the stream refused a message; each publisher tells its first */
  | { type: "rejected"; kind: FlowKind; reason: string }
  | { type: "stopped" }
  | { type: "note"; text: string }
  | { type: "failed"; message: string };

/** Which of `count` publishers or workers belong to a thread. With two threads or more the first half publishes, the others take. */
export function share(count: number, role: "publisher" | "worker", thread: number, threads: number): number[] {
  const publishing = Math.floor(threads / 2);
  const [from, size] = threads === 1 ? [0, 1] : role === "publisher" ? [0, publishing] : [publishing, threads - publishing];
  return Array.from({ length: count }, (_, i) => i).filter((i) => from + (i % size) === thread);
}
