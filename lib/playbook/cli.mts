import { basename } from "node:path";
import { parseArgs } from "node:util";
import { nearest } from "../inventory/suggest.mts";
import { UsageError } from "../inventory/types.mts";
import { invoked } from "../invoked.mts";
import { wrap } from "../report/text.mts";

export interface Options {
  inventory: string;
  limit: string | undefined;
  roles: string[];
  check: boolean;
  diff: boolean;
  extraVars: string[];
  forks: number;
  cluster?: string | undefined;
  /** hosts that may fail before the rest is left alone; with `percent`, in a hundred */
  maxFail?: { most: number; percent: boolean } | undefined;
  verbose: boolean;
  listHosts: boolean;
  listTasks: boolean;
  startAtTask: string | undefined;
  json: boolean;
  report: string | undefined;
  junit: string | undefined;
  acceptNewHostKeys: boolean;
  askBecomePass: boolean;
  allAtOnce: boolean;
  /** the playbook's own flags as given; `ownFlags` types them */
  own: Readonly<Record<string, string | boolean | string[] | undefined>>;
}

/** A flag of a playbook's own. `value`: what follows it, in capitals. */
export interface Flag {
  type: "string" | "boolean";
  short?: string;
  multiple?: true;
  value?: string;
  text: string;
}
export type Flags = Readonly<Record<string, Flag>>;
type Given<F extends Flags> = { readonly [K in keyof F]?: F[K] extends { multiple: true } ? string[] : F[K]["type"] extends "boolean" ? boolean : string };

/** The playbook's own flags as given on the command line. */
export const ownFlags = <F extends Flags>(_flags: F, options: Options): Given<F> => options.own as Given<F>;

const FLAGS = {
  inventory: { type: "string", short: "i", value: "FOLDER", text: "inventory folder (default inventory/hk)" },
  limit: { type: "string", short: "l", value: "PATTERN", text: "only these hosts or groups: a,b  !c  nats-*" },
  cluster: { type: "string", value: "NAME", text: "only this cluster, where the inventory has several" },
  tags: { type: "string", short: "t", multiple: true, value: "ROLE", text: "only this role (repeatable); --role is the same" },
  role: { type: "string", multiple: true, value: "ROLE", text: "only this role (repeatable)" },
  check: { type: "boolean", short: "C", text: "change nothing, say what would change; exit status 2 if anything would" },
  diff: { type: "boolean", short: "D", text: "show how files change" },
  "extra-vars": {
    type: "string",
    short: "e",
    multiple: true,
    value: "KEY=VALUE",
    text: "a variable above all others (repeatable; cluster.port=7222 goes inside; @FILE.yml: all that the file has)",
  },
  forks: { type: "string", short: "f", value: "N", text: "hosts worked on at once (default 50)" },
  "max-fail": { type: "string", value: "N", text: "once more than N hosts (or N%) have failed or can't be reached, touch no further ones" },
  verbose: { type: "boolean", short: "v", text: "every task, and the slowest at the end" },
  "list-hosts": { type: "boolean", text: "list the hosts that would be worked on, and stop" },
  "list-tasks": { type: "boolean", text: "list the tasks of each role, and stop" },
  "start-at-task": { type: "string", value: "TASK", text: "pass over all before this task (as --list-tasks names it; * stands for anything)" },
  json: { type: "boolean", text: "events as one JSON object a line on stdout, nothing else there" },
  report: { type: "string", value: "FILE.html", text: "write a page about the run" },
  junit: { type: "string", value: "FILE.xml", text: "write the tasks as JUnit test cases" },
  "accept-new-host-keys": { type: "boolean", text: "record host keys that known_hosts lacks (never changed ones)" },
  "ask-become-pass": { type: "boolean", short: "K", text: "ask for sudo's password once" },
  "all-at-once": { type: "boolean", text: "restart all nodes that need it together, without gates: downtime" },
  help: { type: "boolean", short: "h", text: "this text" },
} as const satisfies Flags;

export type FlagName = keyof typeof FLAGS;

export interface Usage {
  /** one sentence */
  about: string;
  /** command lines with a comment each */
  examples: readonly (readonly [args: string, what: string])[];
  roles: readonly string[];
  /** the playbook's own flags; one with a common name says what that means here */
  flags?: Flags;
  /** common flags that say nothing here; they are refused */
  without?: readonly FlagName[];
  /** what its exit statuses mean, where they aren't the common ones */
  exits?: readonly string[];
  /** the page of docs/ that has the rest, without .md */
  page?: string;
}

/** Where in a line of --help stands what a flag does. */
const TEXT_AT = 34;

/** Of the playbooks that work on hosts. */
const EXITS = [
  "Exit status: 0 done, 1 a task or check failed, 2 --check found drift, 3 bad usage or inventory (no host was touched),",
  "             4 a host unreachable, 130 interrupted",
];

/** All flags of a playbook, its own first. */
const flagsOf = ({ flags = {}, without = [] }: Usage): Flags => ({
  ...flags,
  ...Object.fromEntries(Object.entries<Flag>(FLAGS).filter(([name]) => !(name in flags) && !without.includes(name as FlagName))),
});

/** @returns the options, or "help" */
export function parseOptions(argv: readonly string[], usage: Usage): Options | "help" {
  const flags = flagsOf(usage);
  const { values, positionals } = parse(argv, flags);
  const v = values as Given<typeof FLAGS>;
  if (v.help) return "help";
  if (positionals.length) throw new UsageError(`unexpected argument "${positionals[0]}"; flags start with a dash, see --help`);
  const roles = [...(v.tags ?? []), ...(v.role ?? [])].flatMap((r) => r.split(","));
  for (const r of roles) {
    if (!usage.roles.includes(r)) throw new UsageError(`there is no role "${r}"${didYouMean(r, usage.roles)}; roles here: ${usage.roles.join(", ")}`);
  }
  const forks = Number(v.forks ?? 50);
  if (!Number.isInteger(forks) || forks < 1) throw new UsageError(`--forks takes a whole number from 1, not "${v.forks}"`);
  return {
    inventory: v.inventory ?? "inventory/hk",
    limit: v.limit,
    roles,
    check: v.check ?? false,
    diff: v.diff ?? false,
    extraVars: v["extra-vars"] ?? [],
    forks,
    cluster: v.cluster,
    maxFail: maxFailOf(v["max-fail"]),
    verbose: v.verbose ?? false,
    listHosts: v["list-hosts"] ?? false,
    listTasks: v["list-tasks"] ?? false,
    startAtTask: v["start-at-task"],
    json: v.json ?? false,
    report: v.report,
    junit: v.junit,
    acceptNewHostKeys: v["accept-new-host-keys"] ?? false,
    askBecomePass: v["ask-become-pass"] ?? false,
    allAtOnce: v["all-at-once"] ?? false,
    own: Object.fromEntries(Object.keys(usage.flags ?? {}).map((name) => [name, values[name]])) as Options["own"],
  };
}

function maxFailOf(text: string | undefined): Options["maxFail"] {
  if (text === undefined) return undefined;
  const [, digits, percent] = /^(\d{1,6})(%?)$/.exec(text) ?? [];
  if (digits === undefined || (percent && Number(digits) > 100))
    throw new UsageError(`--max-fail takes a number of hosts or a percentage, not "${text}"; write for example 3 or 10%`);
  return { most: Number(digits), percent: percent === "%" };
}

function parse(argv: readonly string[], flags: Flags) {
  try {
    return parseArgs({ args: [...argv], options: flags, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${said((error as Error).message, flags)}; see --help`);
  }
}

/** What parseArgs found wrong, in our words. */
function said(message: string, flags: Flags): string {
  const unknown = /Unknown option '(-+[^']*)'/.exec(message)?.[1];
  if (unknown)
    return `there is no flag ${unknown}${didYouMean(
      unknown,
      Object.keys(flags).map((n) => `--${n}`),
    )}`;
  // `-i`, `--inventory` or `-i, --inventory <value>`
  const [, word = "", problem = ""] = /^Option '(?:-\w, )?-+([\w-]+)[^']*' (argument|does not)/.exec(message) ?? [];
  const found = Object.entries(flags).find(([name, { short }]) => word === name || word === short);
  if (!found) return message.split("\n")[0]!;
  return problem === "argument" ? `--${found[0]} needs ${found[1].value} after it` : `--${found[0]} takes no value`;
}

const didYouMean = (word: string, among: readonly string[]): string => {
  const found = nearest(word, among);
  return found ? ` (did you mean ${found}?)` : "";
};

/** @param columns of the terminal, to which what flags do is wrapped; 0 for pipes */
export function helpText(script: string, usage: Usage, columns = process.stdout.isTTY ? process.stdout.columns : 0): string {
  const name = invoked(basename(script, ".mts"));
  const rows = Object.entries(flagsOf(usage))
    .filter(([n]) => n !== "role")
    .flatMap(([n, f]) => {
      const head = `  ${f.short ? `-${f.short}, ` : "    "}--${n}${f.value ? ` ${f.value}` : ""}`;
      const text = wrap(f.text, columns > TEXT_AT + 30 ? columns - TEXT_AT - 1 : 0);
      return text.map((line, i) => (i === 0 ? head : "").padEnd(TEXT_AT) + line);
    });
  const width = Math.max(...usage.examples.map(([args]) => args.length)) + name.length + 4;
  return [
    `${name}: ${usage.about}`,
    "",
    ...usage.examples.map(([args, what]) => `  ${`${name} ${args}`.trimEnd().padEnd(width)}${what}`),
    "",
    ...(usage.roles.length ? [`Roles: ${usage.roles.join(", ")}`, ""] : []),
    "Flags:",
    ...rows,
    "",
    ...(usage.exits ?? EXITS),
    `More: ${usage.page ? `docs/${usage.page}.md; ` : ""}what to type when: docs/runbook.md; messages: docs/troubleshooting.md`,
    "",
  ].join("\n");
}
