import { basename, relative } from "node:path";
import type { Event, Failure } from "../engine/events.mts";
import type { Location } from "../engine/resource.mts";
import { failureLines } from "./failure.mts";
import { writeReport } from "./file.mts";
import type { Reporter } from "./reporter.mts";
import { cleanLines } from "./text.mts";

export interface JunitOptions {
  file: string;
  cwd?: string;
}

/** `error` is what could not be tried or was cut off, `failure` what was tried and is wrong. */
interface Case {
  className: string;
  name: string;
  ms: number;
  location?: Location;
  result?: { kind: "failure" | "error" | "skipped"; type?: string; message: string; text?: string };
}
interface Suite {
  name: string;
  at: number;
  ms?: number;
  cases: Case[];
}

/**
 * JUnit XML as Jenkins and GitLab read it: a testsuite per phase, a testcase per task and lane (class `lane.role`).
 * Under --check a drift is a failure. Written once at the end, also of an interrupted run: tasks cut off are errors.
 */
export function junit({ file, cwd = process.cwd() }: JunitOptions): Reporter {
  const suites: Suite[] = [];
  const running = new Map<string, { suite: Suite; testcase: Case; at: number }>();
  let playbook = "sampan";
  let start = 0;
  let latest = 0;
  let cut = "the run broke off";

  const suite = (name: string, at: number): Suite => {
    let found = suites.find((s) => s.name === name);
    if (!found) suites.push((found = { name, at, cases: [] }));
    return found;
  };
  const failed = (failure: Failure, lane: string, role: string | undefined, task: string, location?: Location): NonNullable<Case["result"]> => ({
    kind: "failure",
    type: "failed",
    message: failure.what,
    text: failureLines(failure, { lane, role, task, location, cwd }).join("\n"),
  });

  const event = (e: Event): void => {
    latest = e.at;
    if (e.type === "run_start") {
      playbook = basename(e.playbook);
      start = e.at;
    } else if (e.type === "stopped") cut = `stopped by ${e.signal}`;
    else if (e.type === "phase_start") suite(e.phase, e.at);
    else if (e.type === "phase_end") {
      const s = suite(e.phase, e.at);
      s.ms = (s.ms ?? 0) + e.ms;
    } else if (e.type === "host_connected") suite("connect", start).cases.push({ className: `${e.lane}.connect`, name: "connect", ms: e.ms });
    else if (e.type === "host_unreachable") {
      suite("connect", start).cases.push({
        className: `${e.lane}.connect`,
        name: "connect",
        ms: 0,
        result: { ...failed(e.failure, e.lane, undefined, "unreachable"), kind: "error", type: "unreachable" },
      });
    } else if (e.type === "task_start") {
      running.set(key(e), { suite: suite(e.phase, e.at), testcase: { className: `${e.lane}.${e.role}`, name: e.task, ms: 0, location: e.location }, at: e.at });
    } else if (e.type === "task_end") {
      running.delete(key(e));
      const testcase: Case = { className: `${e.lane}.${e.role}`, name: e.task, ms: e.ms, location: e.location };
      if (e.status === "failed") testcase.result = failed(e.failure ?? { what: "failed" }, e.lane, e.role, e.task, e.location);
      if (e.status === "drift")
        testcase.result = {
          kind: "failure",
          type: "drift",
          message: "differs from what is desired",
          text: [...e.changes.map((c) => `${c.attribute}: ${c.current} -> ${c.desired}`), ...(e.diff ? [e.diff] : [])].join("\n"),
        };
      if (e.status === "skipped" || e.status === "unknown") testcase.result = { kind: "skipped", message: e.reason ?? e.status };
      suite(e.phase, e.at).cases.push(testcase);
    } else if (e.type === "gate" && e.status !== "waiting") {
      const testcase: Case = { className: `${e.lane}.gate`, name: e.gate, ms: e.ms };
      if (e.status === "failed") testcase.result = failed(e.failure ?? { what: e.detail }, e.lane, undefined, `gate ${e.gate}`);
      suite("gates", e.at).cases.push(testcase);
    }
  };

  let written = false;
  return {
    event,
    end() {
      if (written) return;
      written = true;
      for (const { suite: s, testcase, at } of running.values()) {
        s.cases.push({ ...testcase, ms: latest - at, result: { kind: "error", type: "interrupted", message: cut } });
      }
      writeReport(file, xml(playbook, start, latest, suites, cwd));
    },
  };
}

const key = (e: { lane: string; phase: string; role: string; task: string }): string => [e.lane, e.phase, e.role, e.task].join("\0");

function xml(playbook: string, start: number, end: number, suites: readonly Suite[], cwd: string): string {
  const count = (cases: readonly Case[], kind: string): number => cases.filter((c) => c.result?.kind === kind).length;
  const totals = (cases: readonly Case[]): string =>
    `tests="${cases.length}" failures="${count(cases, "failure")}" errors="${count(cases, "error")}" skipped="${count(cases, "skipped")}"`;
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="${attribute(playbook)}" ${totals(suites.flatMap((s) => s.cases))} time="${seconds(end - start)}">`,
  ];
  for (const s of suites) {
    const ms = s.ms ?? s.cases.reduce((a, c) => a + c.ms, 0);
    lines.push(`  <testsuite name="${attribute(s.name)}" ${totals(s.cases)} time="${seconds(ms)}" timestamp="${new Date(s.at).toISOString().slice(0, 19)}">`);
    for (const c of s.cases) lines.push(...testcase(c, cwd));
    lines.push("  </testsuite>");
  }
  return `${[...lines, "</testsuites>"].join("\n")}\n`;
}

function testcase(c: Case, cwd: string): string[] {
  const file = c.location && c.location.line > 0 ? ` file="${attribute(relative(cwd, c.location.file))}"` : "";
  const open = `    <testcase classname="${attribute(c.className)}" name="${attribute(c.name)}"${file} time="${seconds(c.ms)}"`;
  if (!c.result) return [`${open}/>`];
  const { kind, type, message, text } = c.result;
  const head = `      <${kind}${type ? ` type="${attribute(type)}"` : ""} message="${attribute(message)}"`;
  return [`${open}>`, text ? `${head}>${escape(cleanLines(text).join("\n"))}</${kind}>` : `${head}/>`, "    </testcase>"];
}

const seconds = (ms: number): string => (ms / 1000).toFixed(3);

/** XML 1.0 has no way to write most control characters, lone surrogates and U+FFFE/U+FFFF: they go (production 2, Char). */
const escape = (text: string): string =>
  text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
const attribute = (text: string): string => escape(cleanLines(text).join(" ")).replaceAll('"', "&quot;");
