import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

spawnSync("sh", [fileURLToPath(new URL("../setup.sh", import.meta.url))], { stdio: ["ignore", "ignore", "inherit"] });

/** The shells that programs must run in; `sh` of a host is one of them. */
const ALL: Record<string, readonly string[]> = {
  dash: ["dash"],
  bash: ["bash"],
  "bash --posix": ["bash", "--posix"],
  "busybox sh": ["busybox", "sh"],
};
const has = (command: string): boolean => spawnSync("sh", ["-c", `command -v ${command}`]).status === 0;

export const shells: readonly (readonly [name: string, argv: readonly string[], skip: string | false])[] = Object.entries(ALL).map(([name, argv]) => [
  name,
  argv,
  has(argv[0]!) ? false : `${argv[0]} is not installed`,
]);

export const without = (command: string): string | false => (has(command) ? false : `${command} is not installed`);
export const notRoot: string | false = process.getuid?.() === 0 ? false : "needs root";

/** The host's environment as lib/ssh makes it: every shell counts bytes. */
export const env = { PATH: process.env["PATH"], LC_ALL: "C" };
