import { nearest } from "../../lib/inventory/suggest.mts";
import { UsageError } from "../../lib/inventory/types.mts";
import { durationNs } from "../../lib/inventory/units.mts";
import { type Flags, type Options, ownFlags } from "../../lib/playbook/cli.mts";
import { FAULTS, type Fault } from "./faults.mts";

export const flags = {
  fault: {
    type: "string",
    multiple: true,
    value: "NAME",
    text: "only this fault (repeatable; --list has them); default: all, one after another, but lose-region",
  },
  list: { type: "boolean", text: "list the faults, and stop" },
  rounds: { type: "string", value: "N", text: "all of it N times (default 1)" },
  rate: { type: "string", value: "N", text: "messages per second of the load, each way (default 200)" },
  hold: { type: "string", value: "DURATION", text: "how long a partition, a pause, a full disk and a lost region last (default 10s)" },
  "yes-i-mean-it": { type: "boolean", text: "break nodes of an inventory that is not this machine's lab" },
} as const satisfies Flags;

export interface DrillOptions {
  faults: readonly Fault[];
  rounds: number;
  rate: number;
  holdMs: number;
  meant: boolean;
  list: boolean;
}

/** @throws UsageError */
export function drillOptions(options: Options): DrillOptions {
  const given = ownFlags(flags, options);
  const names = FAULTS.map((f) => f.name);
  for (const name of given.fault ?? []) {
    const guess = nearest(name, names);
    if (!names.includes(name)) throw new UsageError(`there is no fault "${name}"${guess ? ` (did you mean ${guess}?)` : ""}; faults: ${names.join(", ")}`);
  }
  const holdMs = (durationNs(given.hold ?? "10s") ?? 0) / 1e6;
  if (!(holdMs >= 1000 && holdMs <= 600_000)) throw new UsageError(`--hold takes a duration from 1s to 10m, for example 30s, not "${given.hold}"`);
  return {
    faults: given.fault ? FAULTS.filter((f) => given.fault!.includes(f.name)) : FAULTS.filter((f) => !f.asked),
    rounds: whole("rounds", given.rounds ?? "1", 1000),
    rate: whole("rate", given.rate ?? "200", 5000),
    holdMs,
    meant: given["yes-i-mean-it"] ?? false,
    list: given.list ?? false,
  };
}

function whole(flag: string, text: string, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > most) throw new UsageError(`--${flag} takes a whole number from 1 to ${most}, not "${text}"`);
  return value;
}

/** What --list prints. */
export const listed = (): string => {
  const width = Math.max(...FAULTS.map((f) => f.name.length));
  return FAULTS.map((f) => `${f.name.padEnd(width)}  ${f.who}: ${f.does}. Then ${f.back}\n`).join("");
};
