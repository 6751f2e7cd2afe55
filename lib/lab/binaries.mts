import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { machineMirror } from "./apt-sources.mts";
import { LabError } from "./error.mts";
import { exists } from "./files.mts";
import { withLock } from "./lock.mts";
import { cacheDir } from "./paths.mts";
import type { Report } from "./report.mts";
import { run } from "./run.mts";

/** Debian's releases and the nats-server each holds. */
const suites: Readonly<Record<string, string>> = { "2.9.10": "bookworm", "2.10.27": "trixie", "2.15.1": "forky" };
export const defaultVersion = "2.15.1";
/** what every lab has at hand: an upgrade goes from the one to the other */
export const usualVersions = ["2.10.27", defaultVersion] as const;
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

const folder = (): string => join(cacheDir(), "nats-server");
/** {version} as sampan's nats_source.file has it */
export const binaryPattern = (): string => join(folder(), "{version}", "nats-server");
export const binaryPath = (version: string): string => binaryPattern().replace("{version}", version);

/** The nats-server of a Debian release, fetched and verified once. @returns the binary's path */
export async function ensureBinary(version: string, report: Report, trusted = keyring): Promise<string> {
  const suite = suites[version];
  if (suite === undefined) throw new LabError(`no Debian release holds nats-server ${version}`, `choose one of ${Object.keys(suites).join(", ")}`);
  const binary = binaryPath(version);
  if (await exists(binary)) return binary;
  await withLock(join(folder(), ".lock"), async () => {
    if (await exists(binary)) return;
    const step = report.start("nats-server", `fetching ${version} from Debian ${suite}`);
    await sweep();
    const draft = await mkdtemp(join(folder(), "draft-"));
    try {
      await fetchPackage(draft, suite, version, trusted).catch((error: unknown) => {
        throw new LabError(`can't get nats-server ${version} from Debian ${suite}: ${error instanceof Error ? error.message : String(error)}`,
          "see that `apt-get update` works here, then run again");
      });
      await mkdir(join(draft, "out"));
      await rename(join(draft, "root/usr/sbin/nats-server"), join(draft, "out/nats-server"));
      await rename(join(draft, "out"), join(folder(), version));
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
    step.done(`${version} from Debian ${suite}, signature verified`);
  });
  return binary;
}

/** Drafts of runs that were killed. We hold the lock, so none is in use. */
async function sweep(): Promise<void> {
  for (const name of await readdir(folder())) {
    if (name.startsWith("draft-")) await rm(join(folder(), name), { recursive: true, force: true });
  }
}

/**
 * apt with its own lists, cache and keyring: another release's packages, verified from the release's signature down to
 * the package's checksum, and this machine's apt knows nothing of it.
 */
async function fetchPackage(dir: string, suite: string, version: string, trusted: string): Promise<void> {
  await mkdir(join(dir, "state/lists/partial"), { recursive: true });
  await mkdir(join(dir, "cache/archives/partial"), { recursive: true });
  await writeFile(join(dir, "sources.list"), `deb [signed-by=${trusted}] ${await machineMirror()} ${suite} main\n`);
  await writeFile(join(dir, "status"), "");
  const options = Object.entries({
    "Dir::Etc::sourcelist": join(dir, "sources.list"), "Dir::Etc::sourceparts": "-", "Dir::Etc::preferences": "-", "Dir::Etc::preferencesparts": "-",
    "Dir::State": join(dir, "state"), "Dir::State::status": join(dir, "status"), "Dir::Cache": join(dir, "cache"),
    "APT::Sandbox::User": "root", // _apt can't reach into root's home, where the cache is
    "APT::Update::Error-Mode": "any", // a signature that doesn't verify is an error, not a warning
    "Acquire::AllowInsecureRepositories": "false", "Acquire::Languages": "none",
  }).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  await run("apt-get", ["-q", ...options, "update"]);
  const listed = await run("apt-cache", [...options, "madison", "nats-server"]);
  const exact = listed.split("\n").map((line) => line.split("|")[1]?.trim() ?? "").find((found) => found.split("-")[0] === version);
  if (exact === undefined) {
    throw new LabError(`Debian ${suite} no longer holds nats-server ${version}`, `it has: ${listed.trim() || "none"}; tell sampan's maintainers`);
  }
  await run("apt-get", ["-q", ...options, "download", `nats-server=${exact}`], { cwd: dir });
  const deb = (await readdir(dir)).find((name) => name.endsWith(".deb")) ?? "";
  await run("dpkg-deb", ["-x", join(dir, deb), join(dir, "root")]);
}
