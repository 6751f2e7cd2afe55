import type { Change } from "../../engine/events.mts";
import { goDurationText } from "../go-duration.mts";
import { type Config, DURATIONS } from "./desired.mts";

/** One declared field whose value on the server is another. */
export interface FieldChange {
  field: string;
  current: unknown;
  desired: unknown;
}

/** Lists in which only membership counts. */
const SETS = new Set(["subjects", "filter_subjects", "tags", "priority_groups", "sources"]);
const TIMES = new Set(["opt_start_time", "pause_until"]);
/** 0 asks for the server's own default, so any value it took is right. */
const DEFAULTED = new Set(["ack_wait", "max_ack_pending", "max_deliver", "max_waiting", "duplicate_window", "priority_timeout"]);

/** The declared fields that differ. Fields that aren't declared are the server's, or somebody else's, business. */
export function fieldChanges(desired: Config, actual: Config): FieldChange[] {
  return (
    Object.entries(desired)
      // With backoff the server takes its first step as ack_wait, whatever was asked.
      .filter(([field]) => !(field === "ack_wait" && Array.isArray(desired.backoff) && desired.backoff.length > 0))
      .filter(([field, value]) => !same(field, value, actual[field]))
      .map(([field, value]) => ({ field, current: actual[field], desired: value }))
  );
}

function same(field: string, desired: unknown, actual: unknown): boolean {
  if (empty(desired) && empty(actual)) return true;
  if (desired === 0 && DEFAULTED.has(field)) return true;
  if (TIMES.has(field) && typeof desired === "string" && typeof actual === "string") return Date.parse(desired) === Date.parse(actual);
  if (Array.isArray(desired)) {
    if (!Array.isArray(actual) || actual.length !== desired.length) return false;
    if (!SETS.has(field)) return desired.every((value, i) => same("", value, actual[i]));
    return desired.every((value) => actual.some((other) => same("", value, other)));
  }
  if (isObject(desired)) return isObject(actual) && fieldChanges(desired, actual).length === 0;
  return desired === actual;
}

/** Go leaves zero values out. */
export const empty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === 0 ||
  value === false ||
  value === "" ||
  value === "none" ||
  (Array.isArray(value) ? value.length === 0 : isObject(value) && Object.values(value).every(empty));

export const isObject = (value: unknown): value is Config => typeof value === "object" && value !== null && !Array.isArray(value);

/** As the engine's events want it. */
export const toChange = ({ field, current, desired }: FieldChange): Change => ({
  attribute: field,
  current: show(field, current),
  desired: show(field, desired),
});

function show(field: string, value: unknown): string {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return value.map((v) => show(field, v)).join(", ");
  if (isObject(value))
    return Object.entries(value)
      .map(([f, v]) => `${f}: ${show(f, v)}`)
      .join(", ");
  return DURATIONS.has(field) && typeof value === "number" ? goDurationText(value) : String(value);
}

/** `storage: file → memory` */
export const arrow = (change: FieldChange): string => {
  const { attribute, current, desired } = toChange(change);
  return `${attribute}: ${current || "unset"} → ${desired || "unset"}`;
};
