import type { Event } from "../engine/events.mts";
import type { Out, Reporter } from "./reporter.mts";

/** Version of the event schema (docs/events.md). It grows when a field is removed or changes its meaning, not when one is added. */
export const SCHEMA = 1;

/** One event per line (NDJSON) and nothing else; the first line, `run_start`, carries the schema's version. */
export function json({ stdout }: { stdout: Out }): Reporter {
  return {
    event: (e) => void stdout.write(`${eventLine(e)}\n`),
    end: () => {},
  };
}

/** A Secret turns itself into `***`; a bigint, which JSON can't hold, into a string. */
export function eventLine(e: Event): string {
  const { type, ...rest } = e;
  const event = type === "run_start" ? { type, schema: SCHEMA, ...rest } : { type, ...rest };
  return JSON.stringify(event, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value));
}
