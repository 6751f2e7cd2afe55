import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { machineMirror } from "./apt-sources.mts";
import { LabError } from "./error.mts";
import { run } from "./run.mts";

export const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/**
 * apt with its own lists, cache and keyring: another release's packages, verified from the release's signature down to
 * the package's checksum, and this machine's apt knows nothing of it. What the package holds is put below `dir`/root.
 * @param version upstream's; left out: whatever the release has
 */
export async function fetchPackage(dir: string, suite: string, name: string, trusted: string, version?: string): Promise<void> {
  await mkdir(join(dir, "state/lists/partial"), { recursive: true });
  await mkdir(join(dir, "cache/archives/partial"), { recursive: true });
  await writeFile(join(dir, "sources.list"), `deb [signed-by=${trusted}] ${await machineMirror()} ${suite} main\n`);
  await writeFile(join(dir, "status"), "");
  const options = Object.entries({
    "Dir::Etc::sourcelist": join(dir, "sources.list"),
    "Dir::Etc::sourceparts": "-",
    "Dir::Etc::preferences": "-",
    "Dir::Etc::preferencesparts": "-",
    "Dir::State": join(dir, "state"),
    "Dir::State::status": join(dir, "status"),
    "Dir::Cache": join(dir, "cache"),
    "APT::Sandbox::User": "root", // _apt can't reach into root's home, where the cache is
    "APT::Update::Error-Mode": "any", // a signature that doesn't verify is an error, not a warning
    "Acquire::AllowInsecureRepositories": "false",
    "Acquire::Languages": "none",
  }).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  await run("apt-get", ["-q", ...options, "update"]);
  const listed = await run("apt-cache", [...options, "madison", name]);
  const exact = listed
    .split("\n")
    .map((line) => line.split("|")[1]?.trim() ?? "")
    .find((found) => found !== "" && (version === undefined || found.split("-")[0] === version));
  if (exact === undefined) {
    throw new LabError(`Debian ${suite} no longer holds ${name} ${version ?? ""}`, `it has: ${listed.trim() || "none"}; tell sampan's maintainers`);
  }
  await run("apt-get", ["-q", ...options, "download", `${name}=${exact}`], { cwd: dir });
  const deb = (await readdir(dir)).find((name) => name.endsWith(".deb")) ?? "";
  await run("dpkg-deb", ["-x", join(dir, deb), join(dir, "root")]);
}
