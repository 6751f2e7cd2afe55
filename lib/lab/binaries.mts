import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { LabError } from "./error.mts";
import { exists } from "./files.mts";
import { withLock } from "./lock.mts";
import { fetchPackage, keyring } from "./package.mts";
import { cacheDir } from "./paths.mts";
import type { Report } from "./report.mts";

/** Debian's releases and the nats-server each holds. */
const suites: Readonly<Record<string, string>> = { "2.9.10": "bookworm", "2.10.27": "trixie", "2.15.1": "forky" };
export const defaultVersion = "2.15.1";
/** what every lab has at hand: an upgrade goes from the one to the other */
export const usualVersions = ["2.10.27", defaultVersion] as const;

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
      await fetchPackage(draft, suite, "nats-server", trusted, version).catch((error: unknown) => {
        throw new LabError(
          `can't get nats-server ${version} from Debian ${suite}: ${error instanceof Error ? error.message : String(error)}`,
          "see that `apt-get update` works here, then run again",
        );
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
