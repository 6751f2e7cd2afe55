import { chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Payload } from "../engine/resource.mts";
import { UsageError } from "../inventory/types.mts";
import { archOf, elfFault } from "./arch.mts";
import { artifactCache, type Entry, readEntry, sha256Of, shortHash, stampOf, sweep, writeEntry } from "./cache.mts";
import { type DownloadOptions, download } from "./download.mts";
import { memberOf, type Origin, originOf, sumFor, type Wanted } from "./source.mts";
import { headOf, kindOf, unpack } from "./unpack.mts";
import { versionFault } from "./version.mts";

export type { ArtifactSource, Wanted } from "./source.mts";

export interface Options extends DownloadOptions {
  /** default: artifactCache() */
  cacheDir?: string;
}

/** A nats-server program on the controller. */
export type Artifact = Payload & { version: string };

const running = new Map<string, Promise<Artifact>>();

/**
 * Finds nats-server for a host: in the cache, else from its source, verified. Hosts that want the same wait for one download;
 * when the cache has it, no network is touched.
 * @throws UsageError one line: URL or path, what is wrong, what to do
 */
export function resolveArtifact(wanted: Wanted & Options): Promise<Artifact> {
  const cacheDir = wanted.cacheDir ?? artifactCache();
  const origin = originOf(wanted);
  const folder = join(cacheDir, `nats-server-v${wanted.version}-linux-${archOf(wanted.arch)}-${shortHash(JSON.stringify(origin))}`);
  const start = async (): Promise<Artifact> => {
    try {
      const { sha256, size, path } = (await kept(folder, origin)) ?? (await make(folder, origin, wanted));
      return { sha256, size, path, version: wanted.version };
    } catch (error) {
      throw diskFault(cacheDir, error);
    } finally {
      running.delete(folder);
    }
  };
  const promise = running.get(folder) ?? start();
  running.set(folder, promise);
  return promise;
}

/** What a host needs that fetches by itself (`nats_fetch: host`). */
export interface HostFetch {
  url: string;
  /** of what is downloaded */
  sha256: string;
  /** path of the program in the tar.gz; absent when the download is the program */
  member?: string;
}

/** @throws UsageError for a `file` source, or as resolveArtifact does while it looks up the checksum */
export async function hostFetch(wanted: Wanted & Options): Promise<HostFetch> {
  const cacheDir = wanted.cacheDir ?? artifactCache();
  const origin = originOf(wanted);
  if (origin.kind === "file")
    throw new UsageError(`nats_fetch: host can't be used with nats_source.file ${origin.path}, which only this machine has; set nats_fetch: controller`);
  try {
    const sha256 = await checksumOf(origin, cacheDir, wanted);
    return /\.(tar\.gz|tgz)$/.test(new URL(origin.url).pathname)
      ? { url: origin.url, sha256, member: memberOf(wanted.version, wanted.arch) }
      : { url: origin.url, sha256 };
  } catch (error) {
    throw diskFault(cacheDir, error);
  }
}

/** The cached program, when it is still what was verified. */
async function kept(folder: string, origin: Origin): Promise<Entry | undefined> {
  const entry = readEntry(folder);
  if (!entry || (origin.kind === "file" && stampOf(origin.path) !== entry.originStamp)) return undefined;
  const stamp = stampOf(entry.path);
  if (stamp === entry.stamp) return entry;
  if (!stamp || (await sha256Of(entry.path)) !== entry.sha256) return undefined;
  const touched = { ...entry, stamp };
  writeEntry(folder, touched);
  return touched;
}

async function make(folder: string, origin: Origin, wanted: Wanted & Options): Promise<Entry> {
  const cacheDir = join(folder, "..");
  mkdirSync(cacheDir, { recursive: true });
  sweep(cacheDir);
  const part = mkdtempSync(`${folder}.part-`);
  try {
    const from = origin.kind === "http" ? origin.url : origin.path;
    let archive = from;
    if (origin.kind === "http") await fetchVerified(origin, (archive = join(part, "download")), cacheDir, wanted);
    else await verifyFile(origin);
    const originStamp = origin.kind === "file" ? stampOf(origin.path) : undefined;
    // A program on this machine is used where it is; everything else is unpacked beside its entry.
    const inPlace = origin.kind === "file" && kindOf(origin.path) === "program";
    const program = inPlace ? archive : join(part, "nats-server");
    if (!inPlace) {
      await unpack(archive, program, memberOf(wanted.version, wanted.arch), from);
      chmodSync(program, 0o755);
    }
    const fault = elfFault(headOf(program, 64), archOf(wanted.arch)) ?? (await versionFault(program, wanted.version, archOf(wanted.arch)));
    if (fault) throw new UsageError(`${from}: nats-server ${fault}; correct nats_version or nats_source`);
    if (origin.kind === "http") rmSync(archive, { force: true });
    const entry = {
      path: inPlace ? program : join(folder, "nats-server"),
      sha256: await sha256Of(program),
      size: statSync(program).size,
      stamp: stampOf(program)!,
      originStamp,
    };
    writeEntry(part, entry);
    rmSync(folder, { recursive: true, force: true }); // damaged or outdated, or we wouldn't be here
    renameSync(part, folder);
    return entry;
  } catch (error) {
    // Another run was faster: what it put there was verified in the same way.
    const theirs = ["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "") ? readEntry(folder) : undefined;
    if (theirs) return theirs;
    throw error;
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

async function fetchVerified(origin: Origin & { kind: "http" }, to: string, cacheDir: string, wanted: Wanted & Options): Promise<void> {
  const expected = await checksumOf(origin, cacheDir, wanted);
  await download(origin.url, to, wanted);
  const actual = await sha256Of(to);
  if (actual === expected) return;
  rmSync(sumFile(origin, cacheDir), { force: true }); // a corrected list is read next time
  throw new UsageError(
    `${origin.url}: has the SHA-256 checksum ${actual}, but ${origin.sums ?? "nats_source.sha256"} says ${expected}; don't use it, check the source`,
  );
}

async function verifyFile(origin: Origin & { kind: "file" }): Promise<void> {
  if (stampOf(origin.path) === undefined) throw new UsageError(`${origin.path}: there is no such file on this machine; correct nats_source.file`);
  if (!origin.sha256) return;
  const actual = await sha256Of(origin.path);
  if (actual !== origin.sha256)
    throw new UsageError(`${origin.path}: has the SHA-256 checksum ${actual}, but nats_source.sha256 says ${origin.sha256}; don't use it, check the source`);
}

/** Given in the inventory, or from the release's SHA256SUMS: a published release doesn't change, so that is asked once. */
async function checksumOf(origin: Origin & { kind: "http" }, cacheDir: string, options: DownloadOptions): Promise<string> {
  if (origin.sha256) return origin.sha256;
  const known = sumFile(origin, cacheDir);
  try {
    const text = readFileSync(known, "utf8");
    if (/^[0-9a-f]{64}$/.test(text)) return text;
  } catch {
    /* asked for below */
  }
  mkdirSync(cacheDir, { recursive: true });
  const part = mkdtempSync(join(cacheDir, "sums.part-"));
  try {
    await download(origin.sums!, join(part, "sums"), options);
    const sum = sumFor(readFileSync(join(part, "sums"), "utf8"), origin.url, origin.sums!);
    writeFileSync(join(part, "sum"), sum);
    renameSync(join(part, "sum"), known);
    return sum;
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

const sumFile = (origin: Origin & { kind: "http" }, cacheDir: string): string =>
  join(cacheDir, `${basename(new URL(origin.url).pathname)}-${shortHash(origin.url)}.sha256`);

/** A full disk or a folder that can't be written is the user's to mend; anything else is passed on. */
function diskFault(cacheDir: string, error: unknown): unknown {
  const { code, syscall, path } = error as NodeJS.ErrnoException;
  if (error instanceof UsageError || !syscall || !code) return error;
  return new UsageError(
    `${path ?? cacheDir}: can't be read or written (${code}); make room and access there, or choose another cache folder with SAMPAN_CACHE`,
  );
}
