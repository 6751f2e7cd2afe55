import { Secret } from "./secret.mts";

/** A piece of POSIX shell that is safe to put into another: its values are quoted already. */
export class Sh {
  readonly text: string;
  /** the same for people's eyes: without secrets, long values cut */
  readonly shown: string;
  constructor(text: string, shown = text) {
    this.text = text;
    this.shown = shown;
  }
  toString(): string {
    return this.shown;
  }
}

export type ShValue = string | number | Sh | Secret | readonly ShValue[];

/**
 * Quotes for dash, bash and busybox alike: single quotes, with each `'` written as `'\''`. (zx's own quote() makes `$'…'`,
 * which dash takes literally.) Plain words stay bare, so that programs remain readable.
 * @throws on NUL, which no shell argument can carry
 */
export function quote(value: string): string {
  if (value.includes("\0")) throw new Error("a shell word can't hold a NUL byte");
  return /^[A-Za-z0-9_/.,:@%+-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}

/** `` sh`install -m ${mode} ${path}` ``: every value is quoted; an `Sh` goes in as it is; a list becomes words. */
export function sh(parts: TemplateStringsArray, ...values: ShValue[]): Sh {
  const join = (write: (value: ShValue) => string): string => parts.reduce((text, part, i) => text + write(values[i - 1]!) + part);
  return new Sh(join(word), join(shown));
}

function word(value: ShValue): string {
  if (value instanceof Sh) return value.text;
  // A secret may stand in a program (it travels on stdin), and a step must then pass it on by a builtin, never in argv.
  if (value instanceof Secret) return quote(value.reveal());
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return quote(value);
  return value.map(word).join(" ");
}

const LONGEST_SHOWN = 80;

function shown(value: ShValue): string {
  if (value instanceof Sh) return value.shown;
  if (value instanceof Secret) return "***";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") {
    const line = value.split("\n", 1)[0]!;
    return quote(line.length < value.length || line.length > LONGEST_SHOWN ? `${line.slice(0, LONGEST_SHOWN)}…` : value);
  }
  return value.map(shown).join(" ");
}
