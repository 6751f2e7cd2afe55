import { renameSync } from "node:fs";
import { basename, join } from "node:path";
import { makeKey } from "./ca.mts";
import { createFile, readIfThere, readPrivate, replaceFile } from "./files.mts";
import { authorities, parseKey } from "./region-ca.mts";

const DAY_MS = 86_400_000;
const CA_DAYS = 3650;

/**
 * Where a region stands between two CAs, read from `<inventory>/pki` alone, so that whoever comes next goes on from there:
 *
 * | phase    | ca.crt         | ca.key  | ca-next.key | certificates come from |
 * |----------|----------------|---------|-------------|------------------------|
 * | single   | old            | old's   |             | old                    |
 * | trusted  | old and new    | old's   | new's       | old                    |
 * | switched | new and old    | new's   |             | new                    |
 *
 * and then `single` again, with the new one. ca.crt is at all times what nodes and clients have to trust.
 */
export type CaPhase = "single" | "trusted" | "switched";

/** Files of the pki folder by name: as they shall be. */
export type Files = ReadonlyMap<string, string>;

const files = (inventoryDir: string) => {
  const at = (name: string): string => join(inventoryDir, "pki", name);
  const bundle = readIfThere(at("ca.crt")),
    key = readPrivate(at("ca.key")),
    next = readPrivate(at("ca-next.key"));
  return { at, key, next, cas: bundle === undefined ? undefined : authorities(at("ca.crt"), bundle, key) };
};

export function caPhase(inventoryDir: string): CaPhase {
  const { cas, next } = files(inventoryDir);
  if (!cas || cas.all.length < 2) return "single";
  return next === undefined ? "switched" : "trusted";
}

/** single → trusted: a second CA in ca.crt. Anything else stays as it is. @returns the files that differ */
export async function trustNew(inventoryDir: string): Promise<Files> {
  const { cas, next } = files(inventoryDir);
  if (!cas || cas.all.length > 1) return new Map();
  const key = next ?? makeKey();
  const { selfSign } = await import("./issue.mts");
  const name = `sampan ${basename(inventoryDir)} CA ${new Date().toISOString().slice(0, 10)}`;
  const pem = await selfSign(name, parseKey("ca-next.key", key), new Date(Date.now() + CA_DAYS * DAY_MS));
  return new Map([
    ["ca-next.key", key],
    ["ca.crt", `${cas.signer.pem}${pem}`],
  ]);
}

/** trusted → switched: the new one signs. @returns the files that differ */
export function signWithNew(inventoryDir: string): Files {
  const { cas, next } = files(inventoryDir);
  if (!cas || next === undefined || cas.all.length < 2) return new Map();
  const { signer } = authorities("ca.crt", cas.all.map((c) => c.pem).join(""), next);
  return new Map([
    ["ca.key", next],
    ["ca.crt", [signer, ...cas.all.filter((c) => c !== signer && c.pem !== signer.pem)].map((c) => c.pem).join("")],
  ]);
}

/** switched → single: the old one is trusted no longer. @returns the files that differ */
export function dropOld(inventoryDir: string): Files {
  const { cas, next } = files(inventoryDir);
  return !cas || next !== undefined || cas.all.length < 2 ? new Map() : new Map([["ca.crt", cas.signer.pem]]);
}

/** Each file whole and at once, and in an order in which a crash between two leaves one phase or the next, and nothing else. */
export function apply(inventoryDir: string, changes: Files): void {
  const { at } = files(inventoryDir);
  const [bundle, key, next] = ["ca.crt", "ca.key", "ca-next.key"].map((name) => changes.get(name));
  if (next !== undefined) createFile(at("ca-next.key"), next, 0o600);
  if (key !== undefined) renameSync(at("ca-next.key"), at("ca.key"));
  if (bundle !== undefined) replaceFile(at("ca.crt"), bundle, 0o644);
}
