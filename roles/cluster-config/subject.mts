import { leaf } from "../../lib/inventory/fields.mts";

/** A subject with wildcards: tokens without spaces, `*` and `>` alone in theirs, `>` last (docs.nats.io/nats-concepts/subjects); nor may there be what no string of nats-server's configuration can hold. */
export const isSubject = (text: string): boolean => {
  const tokens = text.split(".");
  return tokens.every((token, i) => token !== "" && !/[\s\p{Cc}\p{Cs}]/u.test(token) && (token !== ">" || i === tokens.length - 1));
};

export const subject = (what = "a subject") =>
  leaf({ what, write: `write for example logs.>`, read: (x) => (typeof x === "string" && isSubject(x) ? x : undefined) });

/** True when some subject matches both, each with wildcards. */
export function subjectsOverlap(a: string, b: string): boolean {
  const left = a.split("."),
    right = b.split(".");
  for (let i = 0; ; i++) {
    const x = left[i],
      y = right[i];
    if (x === undefined || y === undefined) return x === y;
    if (x === ">" || y === ">") return true;
    if (x !== y && x !== "*" && y !== "*") return false;
  }
}

/** True when every subject that `inside` matches is matched by `outside` too. */
export function subjectWithin(inside: string, outside: string): boolean {
  const left = inside.split("."),
    right = outside.split(".");
  for (let i = 0; ; i++) {
    const x = left[i],
      y = right[i];
    if (x === undefined || y === undefined) return x === y;
    if (y === ">") return true;
    if (x === ">" || (x !== y && y !== "*")) return false;
  }
}

export const isLiteral = (subject: string): boolean => !subject.split(".").some((token) => token === "*" || token === ">");
