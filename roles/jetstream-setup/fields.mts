import { leaf, text, yesNo } from "../../lib/inventory/fields.mts";
import { durationNs, sizeBytes } from "../../lib/inventory/units.mts";

/** Names of streams and consumers become subjects and folders (nats-server isValidAssetName; 255 is its JSMaxNameLen). */
export const assetName = (what: string) => text(what, "write at most 255 characters, none of them a space, . * > / \\ or a quote", /^[^\s.*>/\\"'\0]{1,255}$/);

/** The API wants nanoseconds; bare numbers below a microsecond are surely meant as seconds. */
export const nanoseconds = (example = "30s") =>
  leaf({
    what: "a duration",
    write: `write for example ${example}`,
    read: (x) => (typeof x === "string" ? durationNs(x) : typeof x === "number" && Number.isInteger(x) && (x === 0 || x >= 1000) ? x : undefined),
  });

/** The API wants bytes; -1 is no limit. */
export const byteCount = (example = "10GB", most = Number.MAX_SAFE_INTEGER) =>
  leaf({
    what: "a size or -1",
    write: `write for example ${example}`,
    read: (x) => {
      const bytes = x === -1 ? x : typeof x === "string" || typeof x === "number" ? sizeBytes(x) : undefined;
      return bytes !== undefined && bytes <= most ? bytes : undefined;
    },
  });

export const time = () =>
  leaf({
    what: "a time",
    write: `write for example "2026-01-31T00:00:00Z"`,
    read: (x) => (typeof x === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(x) && !Number.isNaN(Date.parse(x)) ? x : undefined),
  });

export const flag = yesNo;
