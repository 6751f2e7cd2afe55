import { isIP } from "node:net";
import * as v from "valibot";
import { Secret } from "../secret.mts";
import { cpuNumbers, durationNs, sizeBytes } from "./units.mts";

/** What a key may hold: its name in an error and in the documentation, what to write instead, and how it is read. */
interface Kind<T> {
  /** with its article: "a size" */
  what: string;
  /** an imperative: "write for example 10GB" */
  write: string;
  /** undefined: not one of these */
  read(input: unknown): T | undefined;
  /** the value is shown in an error (default); not for secrets */
  shown?: boolean;
}

/** What the schema says of itself, for the documentation and for the loader. */
export interface Meta {
  what?: string;
  defaultText?: string;
  source?: string;
  /** a path on this machine: made absolute by the loader, and it must exist */
  file?: boolean;
  /** should come from .env */
  secret?: boolean;
  /** an unset variable here may be generated */
  generate?: "nkey" | "password";
}

/** Stands in a message for the text as the user wrote it (never the value of a variable). */
export const VALUE = "{value}";

export function leaf<T>({ what, write, read, shown = true }: Kind<T>, meta: Meta = {}) {
  const message = `${shown ? VALUE : "the value"} is not ${what}; ${write}`;
  return v.pipe(
    v.unknown(),
    v.rawTransform<unknown, T>(({ dataset, addIssue, NEVER }) => {
      const value = read(dataset.value);
      if (value !== undefined) return value;
      addIssue({ message });
      return NEVER;
    }),
    v.metadata({ what, ...meta }),
  );
}

/** A key with its meaning; `source` is where upstream documents it. */
export function key<const S extends v.GenericSchema>(schema: S, description: string, meta: Meta = {}) {
  return v.pipe(schema, v.description(description), v.metadata({ ...meta }));
}

/** A mapping of known keys; left out, each key has its default. */
export function section<const E extends v.ObjectEntries>(entries: E) {
  return v.optional(v.strictObject(entries), {} as never);
}

const isText = (x: unknown): x is string => typeof x === "string";
/** A variable's value is always text, so digits are taken as the number they spell. */
const asNumber = (x: unknown): unknown => (isText(x) && /^-?\d+$/.test(x) ? Number(x) : x);

export const text = (what = "a text", write = "write a text, in quotes if it looks like a number", pattern = /^[^\0\r\n]+$/) =>
  leaf({ what, write, read: (x) => (isText(x) && pattern.test(x) ? x : undefined) });

export const integer = (min: number, max: number = Number.MAX_SAFE_INTEGER) =>
  leaf({
    what: max === Number.MAX_SAFE_INTEGER ? `a whole number from ${min}` : `a whole number from ${min} to ${max}`,
    write: "write the number alone",
    read: (x) => {
      const n = asNumber(x);
      return Number.isSafeInteger(n) && (n as number) >= min && (n as number) <= max ? (n as number) : undefined;
    },
  });

export const port = () =>
  leaf({
    what: "a port",
    write: "write a whole number from 1 to 65535",
    read: (x) => {
      const n = asNumber(x);
      return Number.isInteger(n) && (n as number) >= 1 && (n as number) <= 65535 ? (n as number) : undefined;
    },
  });

export const yesNo = () => leaf({ what: "true or false", write: "write true or false", read: (x) => (typeof x === "boolean" ? x : undefined) });

export const oneOf = <const T extends string>(...values: T[]) =>
  leaf({
    what: `one of ${values.join(", ")}`,
    write: `write ${values.length > 1 ? "one of these" : values[0]}`,
    read: (x) => values.find((value) => value === x),
  });

/** As the user wrote it, but for spaces, which nats-server doesn't take; `bytes()` of units.mts reads it. */
export const size = (example = "10GB") =>
  leaf({
    what: "a size",
    write: `write for example ${example}`,
    read: (x) => {
      const n = isText(x) || typeof x === "number" ? sizeBytes(x) : undefined;
      return n === undefined ? undefined : String(x).replaceAll(/\s/g, "");
    },
  });

/** Kept as the user wrote it; `milliseconds()` of units.mts reads it. */
export const duration = (example = "30s") =>
  leaf({ what: "a duration", write: `write for example ${example}`, read: (x) => (isText(x) && durationNs(x) !== undefined ? x : undefined) });

export const cpuList = () =>
  leaf({
    what: "a list of CPUs",
    write: `write for example "2-7"`,
    read: (x) => {
      const list = typeof x === "number" ? String(x) : x;
      return isText(list) && cpuNumbers(list) ? list : undefined;
    },
  });

/** A file of the controller: absolute after loading; relative ones start at the inventory's folder. */
export const file = () =>
  leaf(
    {
      what: "a file's path",
      write: "write a path, absolute or relative to the inventory's folder",
      read: (x) => (isText(x) && x !== "" && !x.includes("\0") ? x : undefined),
    },
    { file: true },
  );

/** A folder on the host. */
export const directory = () =>
  leaf({
    what: "an absolute path",
    write: "write a path that starts with / and has no spaces, quotes or ..",
    read: (x) => (isText(x) && /^(\/[\w.@+-]+)+$/.test(x) && !x.split("/").includes("..") ? x : undefined),
  });

export const secret = (what: string, write: string, pattern: RegExp, generate?: Meta["generate"]) =>
  leaf({ what, write, shown: false, read: (x) => (isText(x) && pattern.test(x) ? new Secret(x) : undefined) }, { secret: true, ...(generate && { generate }) });

export const address = () =>
  leaf({
    what: "an address",
    write: "write a host name or an IP address (IPv6 without brackets)",
    read: (x) =>
      isText(x) &&
      (isIP(x) > 0 || (/^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?)*$/.test(x) && !/^[\d.]+$/.test(x)))
        ? x
        : undefined,
  });

export const list = <const S extends v.GenericSchema>(item: S) => v.array(item);

/** A mapping with free keys and scalar values, which come out as texts (true is "yes", as ssh_config writes it, unless told). */
export const scalars = (yes = "true", no = "false") =>
  v.record(
    v.string(),
    leaf({
      what: "a text or number",
      write: "write one value",
      read: (x) => (isText(x) && !/[\0\r\n]/.test(x) ? x : typeof x === "number" ? String(x) : typeof x === "boolean" ? (x ? yes : no) : undefined),
    }),
  );
