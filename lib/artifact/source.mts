import { homedir } from "node:os";
import { basename, resolve } from "node:path";
import { UsageError } from "../inventory/types.mts";
import { archOf } from "./arch.mts";

/** `nats_source` of the inventory: `{version}` and `{arch}` in url and file stand for what the host needs. */
export type ArtifactSource =
  /** official releases, or another place laid out like them (the part before /v2.15.1/…) */
  | { github: true | string }
  /** a tar.gz or the program itself, with the checksum of what is downloaded */
  | { url: string; sha256: string }
  /** a tar.gz or the program itself on the controller; relative to the working folder (the inventory gives absolute paths) */
  | { file: string; sha256?: string };

export interface Wanted {
  version: string;
  /** `uname -m` or the releases' name */
  arch: string;
  source: ArtifactSource;
}

export type Origin =
  | {
      kind: "http";
      url: string;
      /** checksum known beforehand, or where to look it up */
      sha256?: string;
      sums?: string;
    }
  | { kind: "file"; path: string; sha256?: string };

const RELEASES = "https://github.com/nats-io/nats-server/releases/download";

/** Where an archive comes from. SAMPAN_NATS_RELEASES in the environment stands in for the official releases (a mirror). */
export function originOf({ version, arch, source }: Wanted, env: NodeJS.ProcessEnv = process.env): Origin {
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) throw new UsageError(`nats_version ${JSON.stringify(version)} isn't a version; write it as 2.15.1`);
  const machine = archOf(arch);
  const fill = (text: string): string => text.replaceAll("{version}", version).replaceAll("{arch}", machine);
  if ("github" in source) {
    const base = (source.github === true ? env["SAMPAN_NATS_RELEASES"] || RELEASES : source.github).replace(/\/+$/, "");
    const folder = `${http(base)}/v${version}`;
    return { kind: "http", url: `${folder}/${stem(version, machine)}.tar.gz`, sums: `${folder}/SHA256SUMS` };
  }
  if ("url" in source) {
    if (!source.sha256) throw new UsageError(`nats_source.url ${source.url} has no sha256 beside it; add the checksum of the file behind it`);
    return { kind: "http", url: http(fill(source.url)), sha256: checksum(source.sha256) };
  }
  return { kind: "file", path: resolve(fill(source.file).replace(/^~(?=\/)/, homedir())), sha256: source.sha256 && checksum(source.sha256) };
}

/** The member of an official archive that is the program. */
export const memberOf = (version: string, arch: string): string => `${stem(version, archOf(arch))}/nats-server`;

const stem = (version: string, machine: string): string => `nats-server-v${version}-linux-${machine}`;

/** The checksum of a file in the text of a SHA256SUMS (`HASH  NAME`, as sha256sum writes and reads it). */
export function sumFor(sums: string, url: string, where: string): string {
  const name = basename(new URL(url).pathname);
  for (const line of sums.split("\n")) {
    const found = /^([0-9a-f]{64}) [ *](?:\.\/)?(.+?)\r?$/i.exec(line);
    if (found?.[2] === name) return found[1]!.toLowerCase();
  }
  throw new UsageError(`${where}: lists no checksum for ${name}; check nats_version (is it released for this machine?)`);
}

function checksum(text: string): string {
  if (/^[0-9a-f]{64}$/i.test(text)) return text.toLowerCase();
  throw new UsageError(`nats_source.sha256 ${JSON.stringify(text)} isn't a SHA-256 checksum; write its 64 hexadecimal digits`);
}

function http(text: string): string {
  if (/^https?:\/\/[^/]/.test(text) && URL.canParse(text)) return text;
  throw new UsageError(`nats_source: ${JSON.stringify(text)} isn't a web address; write it as https://…`);
}
