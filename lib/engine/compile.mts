import { readFileSync } from "node:fs";
import { quote } from "../sh.mts";
import { type Handler, idOf, type Location, type Payload, type Resource } from "./resource.mts";

/** One line of a program: a resource or a handler, and the role that asked for it. */
export interface Step {
  readonly id: number;
  readonly role: string;
  readonly task: string;
  readonly at: Location;
  readonly kind: "resource" | "handler" | "rolling";
  readonly resource?: Resource;
  readonly handler?: Handler;
  /** seconds */
  readonly timeout: number;
}

/** What one host does in one phase: a single program. */
export interface Program {
  readonly text: string;
  readonly steps: readonly Step[];
  readonly payloads: ReadonlyMap<string, Payload>;
  /** the user wants to see how files change */
  readonly diff: boolean;
}

export interface RoleResources {
  role: string;
  resources: readonly Resource[];
}
export interface CompileOptions {
  mode: "apply" | "check";
  diff: boolean;
}

const DEFAULT_TIMEOUT = 60;

/** The functions every program uses, without comments; `nonce` marks the frames of this run, `who` signs the audit log. */
export function preamble(nonce: string, who: string): string {
  const text = readFileSync(new URL("preamble.sh", import.meta.url), "utf8").replace(/^\s*#.*\n/gm, "");
  return `SP_NONCE=${quote(nonce)} SP_WHO=${quote(who)}\n${text}`;
}

/** Steps in the order of the roles; then the handlers that their resources notify, each once. */
export function plan(roles: readonly RoleResources[]): Step[] {
  const steps: Step[] = [];
  const handlers = new Map<Handler, string>();
  for (const { role, resources } of roles) {
    for (const r of resources) {
      steps.push({ id: steps.length + 1, role, task: idOf(r), at: r.at, kind: "resource", resource: r, timeout: r.timeout ?? DEFAULT_TIMEOUT });
      for (const h of r.notifies) if (!handlers.has(h)) handlers.set(h, role);
    }
  }
  for (const [h, role] of handlers) steps.push(handlerStep(h, role, steps.length + 1, h.rolling ? "rolling" : "handler"));
  return steps;
}

/** A handler as a step of its own, done where its check says that it is due. */
export const handlerStep = (h: Handler, role: string, id = 1, kind: Step["kind"] = "handler"): Step => ({
  id,
  role,
  task: `handler ${h.name}`,
  at: h.at,
  kind,
  handler: h,
  timeout: h.timeout ?? DEFAULT_TIMEOUT,
});

/**
 * The program of some steps. Everything stands inside a function that the last line calls: of a stream that is cut short,
 * nothing runs.
 */
export function compile(steps: readonly Step[], { mode, diff }: CompileOptions): Program {
  const libraries = new Map<string, string>();
  const payloads = new Map<string, Payload>();
  const defs: string[] = [];
  const calls: string[] = [];
  for (const step of steps) {
    const body = (step.resource ?? step.handler)!;
    for (const lib of body.uses) libraries.set(lib.name, lib.text);
    for (const p of step.resource?.payloads ?? []) payloads.set(p.sha256, p);
    const skip = step.resource?.skip;
    if (skip !== undefined) {
      defs.push(`check_${step.id}() { skip ${quote(skip)}; }`, `apply_${step.id}() { :; }`);
    } else {
      defs.push(`check_${step.id}() {\n${body.check.text}\n}`, `apply_${step.id}() {\n${body.apply.text}\n}`);
    }
    calls.push(call(step, steps));
  }
  const text = [
    "sp_main() {",
    `SP_MODE=${mode} SP_DIFF=${diff ? 1 : 0} SP_DRIFTED= SP_STATS= SP_SUMS= SP_TEXTS= SP_WILL=${quote(foreseen(steps))}`,
    ...libraries.values(),
    ...defs,
    ...prefetch(steps),
    ...calls,
    "}",
    // in braces: not even a last line that is cut runs
    "{ sp_main; emit end; }",
    "",
  ].join("\n");
  return { text, steps, payloads, diff };
}

/** `handlers due now`: what a roll runs on one host; the same step, no longer only looked at. */
export function forRoll(steps: readonly Step[]): Step[] {
  return steps.map((s) => ({ ...s, kind: "handler" }));
}

function call(step: Step, steps: readonly Step[]): string {
  const name = quote(`${step.role}: ${step.task}`);
  if (step.kind === "resource") {
    const needs = (step.resource?.needs ?? []).map((id) => steps.find((s) => s.task === id)?.id).filter((id) => id !== undefined);
    return `step ${step.id} ${quote(needs.join(" ") || "")} ${name} || return`;
  }
  const notifiers = step.handler!.foresees ? [] : steps.filter((s) => s.resource?.notifies.includes(step.handler!)).map((s) => s.id);
  return `${step.kind === "rolling" ? "due" : "handler"} ${step.id} ${quote(notifiers.join(" "))} ${name} || return`;
}

/** `sum  path` and `link path target`, a line each: the host after this program. */
function foreseen(steps: readonly Step[]): string {
  const lines = steps.flatMap(({ resource: r }) => [
    ...(r?.leaves?.sum !== undefined ? [`${r.leaves.sum}  ${r.name}`] : []),
    ...(r?.leaves?.link !== undefined ? [`link ${r.name} ${r.leaves.link}`] : []),
  ]);
  return `\n${lines.join("\n")}\n`;
}

function prefetch(steps: readonly Step[]): string[] {
  const all = (pick: (r: Resource) => readonly string[] | undefined): string[] => [
    ...new Set(steps.flatMap((s) => (s.resource && s.resource.skip === undefined ? (pick(s.resource) ?? []) : []))),
  ];
  const stat = all((r) => r.looksAt?.stat);
  const sum = all((r) => r.looksAt?.sum);
  const text = all((r) => r.looksAt?.text);
  return [
    ...(stat.length ? [`sp_prefetch_stat ${stat.map(quote).join(" ")}`] : []),
    ...(text.length ? [`sp_prefetch_text ${text.map(quote).join(" ")}`] : []),
    ...(sum.length ? [`sp_prefetch_sum ${sum.map(quote).join(" ")}`] : []),
  ];
}
