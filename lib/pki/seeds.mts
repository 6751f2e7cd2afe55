import { realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { parse } from "dotenv";
import { UsageError } from "../inventory/types.mts";
import { Secret } from "../secret.mts";
import { readPrivate, replaceFile } from "./files.mts";
import { locked } from "./lock.mts";
import { makeSeed } from "./secrets.mts";

/**
 * A user's nkey between two seeds, all of it in the region's .env, so that whoever comes next goes on from there:
 *
 * | phase    | NAME | NAME_NEXT | NAME_OLD | servers accept |
 * |----------|------|-----------|----------|----------------|
 * | single   | old  |           |          | old            |
 * | accepted | old  | new       |          | old and new    |
 * | renewed  | new  |           | old      | new and old    |
 *
 * and then `single` again, with the new one. NAME is at all times a seed that every server accepts: sampan goes on with it.
 */
export type SeedPhase = "single" | "accepted" | "renewed";

export interface Seeds {
  variable: string;
  phase: SeedPhase;
  next?: Secret;
  old?: Secret;
  /** NAME_NEXT or NAME_OLD, where that is another user's: nothing of it is this one's */
  taken?: string;
}

/** .env as it is; empty when there is none. */
export const envText = (inventoryDir: string): string => readPrivate(join(inventoryDir, ".env")) ?? "";

/**
 * What .env says of the user with this seed; undefined when the seed isn't from there.
 * @param users the seeds of all users
 */
export function seedsOf(env: string, seed: Secret, users: readonly Secret[]): Seeds | undefined {
  const values = parse(env);
  const variable = Object.keys(values).find((name) => values[name] === seed.reveal() && !/_(NEXT|OLD)$/.test(name));
  if (variable === undefined) return undefined;
  const taken = [`${variable}_NEXT`, `${variable}_OLD`].find((name) => values[name] && users.some((u) => u.reveal() === values[name]));
  if (taken) return { variable, phase: "single", taken };
  const [next, old] = [values[`${variable}_NEXT`], values[`${variable}_OLD`]];
  return { variable, phase: next ? "accepted" : old ? "renewed" : "single", ...(next && { next: new Secret(next) }), ...(old && { old: new Secret(old) }) };
}

/** single → accepted. @throws UsageError when .env is written so that the way can't be gone to its end */
export function withNext(env: string, variable: string): string {
  const { [variable]: now, [`${variable}_NEXT`]: next } = parse(env);
  const text = next ? env : after(env, variable, `${variable}_NEXT=${makeSeed()}  # made by sampan; becomes ${variable} when every server accepts it`);
  if (parse(text)[variable] !== now || !parse(text)[`${variable}_NEXT`]) throw unwritable(variable);
  withoutOld(withNextInUse(text, variable), variable);
  return text;
}

/** accepted → renewed. @throws UsageError as `withNext` does */
export function withNextInUse(env: string, variable: string): string {
  const { [variable]: old, [`${variable}_NEXT`]: next } = parse(env);
  if (!old || !next) return env;
  const set = without(env, `${variable}_NEXT`).replace(line(variable), (whole) => whole.replace(old, () => next));
  const text = after(set, variable, `${variable}_OLD=${old}  # accepted until rotate.mts --credentials --finish`);
  const then = parse(text);
  if (then[variable] !== next || then[`${variable}_OLD`] !== old || then[`${variable}_NEXT`]) throw unwritable(variable);
  return text;
}

/** renewed → single. @throws UsageError as `withNext` does */
export function withoutOld(env: string, variable: string): string {
  const text = without(env, `${variable}_OLD`);
  if (parse(text)[`${variable}_OLD`]) throw unwritable(variable);
  return text;
}

/** Changes .env while nobody else does; its mode, its owner and a link to it stay. @throws UsageError when there is none */
export function editEnv(inventoryDir: string, edit: (env: string) => string): void {
  const path = join(inventoryDir, ".env");
  locked(path, () => {
    const before = readPrivate(path);
    if (before === undefined) throw new UsageError(`${path}: there is none; seeds that come from elsewhere are changed there`);
    const text = edit(before);
    const target = realpathSync(path);
    if (text !== before) replaceFile(target, text, 0o600, statSync(target));
  });
}

/** dotenv takes the last of several lines, and forms that are more than a line. */
const unwritable = (variable: string): UsageError =>
  new UsageError(
    `.env: ${variable} can't be changed there, nothing was written: it, ${variable}_NEXT and ${variable}_OLD must each be one line NAME=value, and stand there once; correct that and run again`,
  );

const line = (variable: string): RegExp => new RegExp(`^[ \\t]*(?:export[ \\t]+)?${variable}[ \\t]*=.*$`, "m");
const after = (env: string, variable: string, text: string): string => env.replace(line(variable), (whole) => `${whole.replace(/\r$/, "")}\n${text}`);
const without = (env: string, variable: string): string => env.replace(new RegExp(`${line(variable).source}\\r?\\n?`, "m"), "");
