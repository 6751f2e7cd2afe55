import { rmSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../inventory/types.mts";
import { readIfThere, replaceFile } from "./files.mts";

/** In the pki folder: the moment before which all certificates of hosts are too old. It is there while a renewal is under way. */
const FILE = "renew";
/** A renewal that nobody went on with for so long isn't under way any more, ms. */
const STALE_MS = 86_400_000;

/** Epoch ms; undefined when nobody has asked for a renewal. @throws UsageError when the file holds no time */
export function renewBefore(folder: string, instead: ReadonlyMap<string, string> = new Map()): number | undefined {
  const text = instead.get(FILE) ?? readIfThere(join(folder, FILE));
  if (text === undefined) return undefined;
  const moment = Date.parse(text.trim());
  if (Number.isNaN(moment)) throw new UsageError(`${join(folder, FILE)}: holds no time; remove it`);
  return moment;
}

/** Asks for new certificates for all hosts, unless that is under way already. @returns the file as it is then, for a look ahead or to be written by `begin` */
export function renewal(inventoryDir: string, now: number): { file: ReadonlyMap<string, string>; underWay: boolean } {
  const since = renewBefore(join(inventoryDir, "pki"));
  const underWay = since !== undefined && now - since < STALE_MS;
  return { underWay, file: new Map([[FILE, `${new Date(underWay ? since : now).toISOString()}\n`]]) };
}

export const beginRenewal = (inventoryDir: string, file: ReadonlyMap<string, string>): void =>
  replaceFile(join(inventoryDir, "pki", FILE), file.get(FILE)!, 0o644);

export const endRenewal = (inventoryDir: string): void => rmSync(join(inventoryDir, "pki", FILE), { force: true });
