import { execFile } from "node:child_process";
import { machine } from "node:os";
import { archOf } from "./arch.mts";

/**
 * Asks a program for its version, where this machine can run it.
 * @returns undefined when it is the wanted one or can't be asked, else what it is
 */
export async function versionFault(program: string, version: string, arch: string): Promise<string | undefined> {
  if (process.platform !== "linux" || hereArch() !== arch) return undefined;
  const said = await new Promise<string | undefined>((done) => {
    execFile(program, ["--version"], { timeout: 10_000, env: {} }, (error, stdout, stderr) => {
      // A file without the x bit or a disk mounted noexec keeps us from asking; that says nothing about the program.
      const cantAsk = error && ["EACCES", "EPERM"].includes(String(error.code));
      done(cantAsk ? undefined : `${stdout}${stderr}`.trim());
    });
  });
  if (said === undefined || said === `nats-server: v${version}`) return undefined;
  const other = /^nats-server: v?(\S+)$/.exec(said)?.[1];
  return other ? `is version ${other}, not ${version}` : `doesn't say its version when run with --version (${JSON.stringify(said.slice(0, 80))})`;
}

function hereArch(): string | undefined {
  try {
    return archOf(machine());
  } catch {
    return undefined;
  }
}
