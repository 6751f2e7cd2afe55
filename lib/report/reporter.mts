import type { Event } from "../engine/events.mts";

/** A subscriber of a run's events. `end` comes once, also after a crash, and must not be async: the process may be leaving. */
export interface Reporter {
  event(e: Event): void;
  end(): void;
}

/** Where text goes: process.stdout, or a stand-in of tests. */
export interface Out {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** size of the terminal in cells; absent for pipes */
  readonly columns?: number;
  readonly rows?: number;
  on?(event: "resize", listener: () => void): unknown;
  off?(event: "resize", listener: () => void): unknown;
}
