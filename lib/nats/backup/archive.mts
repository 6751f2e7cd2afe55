/** A consumer as an archive holds it. Sequences are the stream's. */
export interface ArchivedConsumer {
  name: string;
  ackFloor: number;
  delivered: number;
}

/** What a walk through an archive tells, as it comes. */
export interface Visitor {
  /** a message's record; one that is `erased` only keeps its place */
  message(seq: number, subject: string, erased: boolean): void;
  /** note of an earlier message that it is deleted */
  deleted(seq: number): void;
  consumer(consumer: ArchivedConsumer): void;
  /** the stream's state by the archive's own word */
  state(state: { messages: number; first_seq: number; last_seq: number }): void;
}

/** A walk pauses at each step, so that others have their turn. */
export type Walk = Generator<void, void, void>;
