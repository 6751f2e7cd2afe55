import { spawn } from "node:child_process";
import { LabError } from "./error.mts";

export interface RunOptions {
  input?: string | Uint8Array;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}
export interface RunResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program without a shell and waits for it; a non-zero status is a result, not an exception. */
export function tryRun(program: string, args: readonly string[], { input = "", env, cwd }: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: env ?? process.env, cwd, stdio: ["pipe", "pipe", "pipe"] });
    const out: Buffer[] = [],
      err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.on("error", reject);
    child.on("close", (code, signal) =>
      resolve({
        code: code ?? (signal === null ? 1 : 255),
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
      }),
    );
    child.stdin.on("error", () => {}); // a program that never reads its input may be gone before we have written it
    child.stdin.end(input);
  });
}

/** Like tryRun, for programs that have to succeed. @returns stdout @throws LabError with the program's last words */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await tryRun(program, args, options);
  if (code === 0) return stdout;
  const lastWords = (stderr.trim() || stdout.trim()).split("\n").slice(-3).join(" | ");
  throw new LabError(`${program} failed (${code}): ${lastWords}`, "read the message above; a rerun continues where this stopped");
}

/**
 * Runs a long job that must not outlive us: were we killed, half-done work would go on in the background beside the
 * rerun's. In a PID and mount namespace of its own, killing the first process ends all of it, mounts included.
 */
export const runCaptive = (program: string, args: readonly string[], options: RunOptions = {}): Promise<string> =>
  run("setpriv", ["--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", program, ...args], options);
