import { randomBytes, scryptSync } from "node:crypto";
import { realpathSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { parse } from "dotenv";
import { UsageError } from "../inventory/types.mts";
import type { Secret } from "../secret.mts";
import { readPrivate, replaceFile } from "./files.mts";
import { locked } from "./lock.mts";

// Both are CommonJS and loaded at first use: they cost a listing command 30 ms that it has no need to spend.
const load = createRequire(import.meta.url);
const nkeys = (): typeof import("nats")["nkeys"] => (load("nats") as typeof import("nats")).nkeys;
const bcrypt = (): typeof import("bcryptjs") => load("bcryptjs") as typeof import("bcryptjs");

export interface MissingSecret {
  name: string;
  kind: "nkey" | "password";
}

/**
 * Makes the secrets that `<inventory>/.env` lacks and writes them there (mode 0600): into the user's empty `NAME=` line where there
 * is one, else at the end. All other bytes stay as they are. What another run has written in the meantime is kept and returned.
 * With `dryRun` nothing is written, and the values are good for this run only.
 * @returns value by name: a user nkey seed (`SU…`), or a password of 43 URL-safe characters (256 bits)
 * @throws UsageError when .env is readable by others
 */
export function generateMissingSecrets(inventoryDir: string, missing: readonly MissingSecret[], { dryRun = false } = {}): Record<string, string> {
  const path = join(inventoryDir, ".env");
  if (missing.length === 0) return {};
  if (dryRun) return Object.fromEntries(missing.map(({ name, kind }) => [name, make(kind)]));
  return locked(path, () => {
    const before = readPrivate(path);
    let text = before ?? "";
    const there = parse(text);
    const values: Record<string, string> = {};
    const added: string[] = [];
    for (const { name, kind } of missing) {
      if (there[name]) {
        values[name] = there[name];
        continue;
      }
      const value = make(kind);
      values[name] = value;
      const empty = new RegExp(`^([ \\t]*(?:export[ \\t]+)?${name}[ \\t]*=)(?:[ \\t]*(?:""|''))?([ \\t]*(?:#.*)?)(?=\\r?$)`, "m");
      if (empty.test(text)) text = text.replace(empty, (_, left: string, comment: string) => left + value + comment);
      else added.push(`${name}=${value}\n`);
    }
    if (added.length) text += `${text && !text.endsWith("\n") ? "\n" : ""}# made by sampan; keep a copy in a safe place\n${added.join("")}`;
    if (text === (before ?? "")) return values;
    // The user's .env may be a link into a safe: what it points at is replaced, not the link.
    const target = before === undefined ? path : realpathSync(path);
    replaceFile(target, text, 0o600, before === undefined ? undefined : statSync(target));
    return values;
  });
}

const make = (kind: MissingSecret["kind"]): string => (kind === "nkey" ? makeSeed() : randomBytes(32).toString("base64url"));

export const makeSeed = (): string => new TextDecoder().decode(nkeys().createUser().getSeed());

/**
 * The public key (`U…`) of a user's nkey seed.
 * @param what names the seed in the error, e.g. `users[0].nkey_seed`
 */
export function publicKey(seed: Secret, what = "nkey_seed"): string {
  const text = seed.reveal().trim();
  try {
    if (text.startsWith("SU")) return nkeys().fromSeed(new TextEncoder().encode(text)).getPublicKey();
  } catch {
    /* said below, without the seed */
  }
  throw new UsageError(`${what}: isn't the seed of a user's nkey (SU… and 56 more characters); remove it from .env to have one made`);
}

/** What nats-server's own mkpasswd takes (util/mkpasswd in its repository). */
const COST = 11;
const hashes = new Map<string, string>();

/**
 * A bcrypt hash that is the same at every run, so that a rendered configuration doesn't change by itself.
 *
 * The salt comes from the password by scrypt and not by a plain HMAC: it stands in the configuration, and whoever guesses passwords
 * against it must pay as much per guess as against the hash (32 MiB and about 0.1 s).
 * @param context keeps equal passwords from giving equal hashes: region, account and user
 */
export function bcryptHash(password: Secret, context: string): string {
  const text = password.reveal();
  if (text === "") throw new UsageError(`${context}: the password is empty; set it in .env`);
  if (Buffer.byteLength(text) > 72)
    throw new UsageError(`${context}: the password has more than 72 bytes, of which bcrypt takes only the first 72; choose a shorter one`);
  const id = `${context}\0${text}`;
  let hash = hashes.get(id);
  if (!hash) {
    const salt = scryptSync(text, `sampan bcrypt salt\0${context}`, 16, { N: 2 ** 15, r: 8, p: 1, maxmem: 2 ** 26 });
    // $2a$: every nats-server knows this prefix
    hash = bcrypt().hashSync(text, `$2a$${COST}$${bcrypt().encodeBase64([...salt], 16)}`);
    hashes.set(id, hash);
  }
  return hash;
}
