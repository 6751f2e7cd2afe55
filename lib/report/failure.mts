import { relative } from "node:path";
import type { Failure } from "../engine/events.mts";
import type { Location } from "../engine/resource.mts";
import { PLAIN, type Style } from "./style.mts";
import { clean, cleanLines, wrap } from "./text.mts";

export interface FailureContext {
  lane: string;
  role?: string;
  task?: string;
  location?: Location;
  /** folder that paths are shown relative to (default: the working directory) */
  cwd?: string;
  style?: Style;
  /** of the terminal: sentences wrap at words; commands and output stay as they are, to be copied */
  columns?: number;
}

/** As many last lines of a command's output as a screen can take beside the rest. */
const OUTPUT_LINES = 12;
const INDENT = 11;

/**
 * Every failure sentence of sampan: who and what, where it is written, why, the command with its exit status, the last
 * lines of what it printed, and what to do next. One line each, labelled, nothing that a failure doesn't know.
 */
export function failureLines(failure: Failure, context: FailureContext): string[] {
  const style = context.style ?? PLAIN;
  const lines = [
    `${style.ink(["red", "bold"], "failed ")}  ${[context.lane, context.role, context.task]
      .filter(Boolean)
      .map((t) => clean(t!))
      .join("  ")}`,
  ];
  const add = (label: string, values: readonly string[] = [], ink: (t: string) => string = (t) => t): void => {
    values.forEach((value, i) => lines.push(`  ${style.ink("dim", (i === 0 ? label : "").padEnd(7))}  ${ink(value)}`.trimEnd()));
  };
  const prose = (texts: readonly string[]): string[] => texts.flatMap((l) => wrap(l, Math.max(0, (context.columns ?? 0) - INDENT)));

  const parts = failureParts(failure, context);
  if (parts.at !== undefined) add("at", [parts.at]);
  add("why", prose(parts.why), (t) => style.ink("bold", t));
  add("command", parts.command);
  if (parts.exit !== undefined) add("exit", [parts.exit]);
  add("output", parts.output);
  add("next", prose(parts.next), (t) => style.ink("cyan", t));
  return lines;
}

/** What a failure has to say, each part as lines of clean text; `exit` only where no command carries it. */
export function failureParts(
  failure: Failure,
  { location, cwd, style = PLAIN }: Pick<FailureContext, "location" | "cwd" | "style">,
): { at?: string; why: string[]; command?: string[]; exit?: string; output?: string[]; next: string[] } {
  return {
    at: location && location.line > 0 ? locationText(location, cwd) : undefined,
    why: cleanLines(failure.what),
    command: failure.command === undefined ? undefined : withStatus(cleanLines(failure.command), failure.exit),
    exit: failure.command === undefined && failure.exit !== undefined ? exitText(failure.exit) : undefined,
    output: failure.output === undefined ? undefined : lastLines(failure.output, style.symbols.ellipsis),
    next: cleanLines(failure.next ?? "mend this, then run the same command again: it continues from here"),
  };
}

/** `roles/nats-install/tasks.mts:42`, relative to the working directory when the file is below it. */
export function locationText(at: Location, cwd = process.cwd()): string {
  const path = relative(cwd, at.file);
  return `${path.startsWith("..") ? at.file : path}:${at.line}`;
}

function withStatus(command: string[], exit: number | undefined): string[] {
  if (exit === undefined) return command;
  return [...command.slice(0, -1), `${command.at(-1) ?? ""}  (${exitText(exit)})`];
}

/** The shell's own numbers: 124 from timeout(1), 126 and 127 from the shell, above 128 the signal (POSIX 2.8.2). */
function exitText(exit: number): string {
  const meaning =
    exit === 124
      ? ": timed out"
      : exit === 126
        ? ": not executable"
        : exit === 127
          ? ": command not found"
          : exit > 128 && exit < 160
            ? `: killed by signal ${exit - 128}`
            : "";
  return `exit status ${exit}${meaning}`;
}

function lastLines(output: string, ellipsis: string): string[] {
  const lines = cleanLines(output);
  if (lines.length === 0) return ["(none)"];
  const left = lines.length - OUTPUT_LINES;
  return left > 1 ? [`${ellipsis} (${left} lines before)`, ...lines.slice(-OUTPUT_LINES)] : lines;
}
