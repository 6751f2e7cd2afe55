import { join } from "node:path";
import { realpathSync, statSync } from "node:fs";
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

export interface Seeds { variable: string; phase: SeedPhase; next?: Secret; old?: Secret }

/** .env as it is; empty when there is none. */
export const envText = (inventoryDir: string): string => readPrivate(join(inventoryDir, ".env")) ?? "";

/** What .env says of the user with this seed; undefined when the seed isn't from there. */
export function seedsOf(env: string, seed: Secret): Seeds | undefined {
  const values = parse(env);
  const variable = Object.keys(values).find((name) => values[name] === seed.reveal() && !/_(NEXT|OLD)$/.test(name));
  if (variable === undefined) return undefined;
  const [next, old] = [values[`${variable}_NEXT`], values[`${variable}_OLD`]];
  return { variable, phase: next ? "accepted" : old ? "renewed" : "single", ...(next && { next: new Secret(next) }), ...(old && { old: new Secret(old) }) };
}

/** single → accepted */
export const withNext = (env: string, variable: string): string =>
  parse(env)[`${variable}_NEXT`] ? env : after(env, variable, `${variable}_NEXT=${makeSeed()}  # made by sampan; becomes ${variable} when every server accepts it`);

/** accepted → renewed */
export function withNextInUse(env: string, variable: string): string {
  const { [variable]: old, [`${variable}_NEXT`]: next } = parse(env);
  if (!old || !next) return env;
  const set = without(env, `${variable}_NEXT`).replace(line(variable), (whole) => whole.replace(old, () => next));
  return after(set, variable, `${variable}_OLD=${old}  # accepted until rotate.mts --credentials --finish`);
}

/** renewed → single */
export const withoutOld = (env: string, variable: string): string => without(env, `${variable}_OLD`);

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

const line = (variable: string): RegExp => new RegExp(`^[ \\t]*(?:export[ \\t]+)?${variable}[ \\t]*=.*$`, "m");
const after = (env: string, variable: string, text: string): string => env.replace(line(variable), (whole) => `${whole.replace(/\r$/, "")}\n${text}`);
const without = (env: string, variable: string): string => env.replace(new RegExp(`${line(variable).source}\\r?\\n?`, "m"), "");
