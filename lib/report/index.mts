import { accessSync, constants, mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { UsageError } from "../inventory/types.mts";
import type { Out, Reporter } from "./reporter.mts";
import { style, wantsColour, wantsUnicode } from "./style.mts";

export type { Out, Reporter } from "./reporter.mts";

export interface ReportOptions {
  /** events as NDJSON on stdout, and nothing else there */
  json?: boolean;
  /** every task, with its time; the slowest ones at the end */
  verbose?: boolean;
  /** show the diffs that events carry */
  diff?: boolean;
  /** HTML file to write at the end */
  report?: string;
  /** JUnit XML file to write at the end */
  junit?: string;
  stdout?: Out;
  stderr?: Out;
  /** whether the human's stream is a terminal (default: what the stream says) */
  isTTY?: boolean;
  env?: Readonly<Record<string, string | undefined>>;
  cwd?: string;
}

/**
 * All displays and files that a run asks for, as one reporter. Displays that nobody asked for are not even loaded.
 * A reporter that breaks is dropped with a line on stderr; it never breaks the run. `end` also runs when the process exits.
 * @throws UsageError when a report's folder can't be written, before anything is touched
 */
export async function reporters(options: ReportOptions = {}): Promise<Reporter> {
  const { stdout = process.stdout, stderr = process.stderr, env = process.env, cwd = process.cwd() } = options;
  const all: Reporter[] = [];
  const files = [options.junit, options.report].filter((f) => f !== undefined).map((f) => checkFolder(resolve(cwd, f)));
  if (files.length === 2 && files[0] === files[1]) throw new UsageError(`--junit and --report name the same file ${options.junit}; give each its own`);

  if (options.json) all.push((await import("./json.mts")).json({ stdout }));
  // With --json stderr may end up in the same file (2>&1), so only a terminal gets text there.
  const human = options.json ? stderr : stdout;
  const terminal = options.isTTY ?? human.isTTY ?? false;
  const live = terminal && env["TERM"] !== "dumb";
  if (!options.json || live) {
    const looks = {
      style: style({ colour: wantsColour(env, terminal), unicode: wantsUnicode(env) }),
      verbose: options.verbose,
      diff: options.diff,
      cwd,
      stdout: human,
    };
    all.push(live ? (await import("./tty.mts")).tty(looks) : (await import("./plain.mts")).plain(looks));
  }
  if (options.junit !== undefined) all.push((await import("./junit.mts")).junit({ file: resolve(cwd, options.junit), cwd }));
  if (options.report !== undefined) all.push((await import("./html.mts")).html({ file: resolve(cwd, options.report), cwd }));
  survive(process.stdout);
  survive(process.stderr);
  return fanOut(all, stderr);
}

const guarded = new WeakSet<NodeJS.WriteStream>();

/** A reader that leaves (`| head`) or a full disk must not kill a rollout in the middle: the run goes on unseen. */
function survive(stream: NodeJS.WriteStream): void {
  if (guarded.has(stream)) return;
  guarded.add(stream);
  stream.on("error", () => {});
}

/** Exported for tests. */
export function fanOut(all: readonly Reporter[], stderr: Out): Reporter {
  const live = new Set(all);
  const guarded = (reporter: Reporter, act: () => void): void => {
    try {
      act();
    } catch (error) {
      live.delete(reporter);
      stderr.write(`warning: a report is incomplete: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  };
  const end = (): void => {
    process.off("exit", end);
    for (const reporter of live) guarded(reporter, () => reporter.end());
    live.clear();
  };
  process.on("exit", end);
  return {
    event: (e) => {
      for (const reporter of live) guarded(reporter, () => reporter.event(e));
    },
    end,
  };
}

function checkFolder(file: string): string {
  const folder = dirname(file);
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new UsageError(`${file}: its folder can't be written (${(error as NodeJS.ErrnoException).code ?? String(error)}); choose another file`);
  }
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) throw new UsageError(`${file}: is a folder; name a file`);
  return file;
}
