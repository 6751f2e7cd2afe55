import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { UsageError } from "../../lib/inventory/types.mts";
import { fanOut, type ReportOptions, reporters } from "../../lib/report/index.mts";
import { rollout } from "./rollout.mts";
import { Pipe, Screen } from "./screen.mts";

const env = { TERM: "xterm", LANG: "C.UTF-8" };

async function run(options: ReportOptions): Promise<{ stdout: string; stderr: string }> {
  const [stdout, stderr] = [new Pipe(), new Pipe()];
  const reporter = await reporters({ stdout, stderr, env, ...options });
  for (const e of rollout({ broken: true })) reporter.event(e);
  reporter.end();
  return { stdout: stdout.text, stderr: stderr.text };
}

function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), "sampan-report-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

t.test("with --json stdout holds JSON and nothing else, and a piped stderr nothing", async (t) => {
  const { stdout, stderr } = await run({ json: true });
  t.doesNotThrow(() =>
    stdout
      .trimEnd()
      .split("\n")
      .forEach((l) => JSON.parse(l)),
  );
  t.equal(stderr, "");
});

t.test("with --json a terminal on stderr gets the live display", async (t) => {
  const screen = new Screen(80, 24);
  const { stdout } = await run({ json: true, stderr: screen });
  t.match(screen.raw, "\x1b[?25l");
  t.doesNotThrow(() =>
    stdout
      .trimEnd()
      .split("\n")
      .forEach((l) => JSON.parse(l)),
  );
});

t.test("a pipe gets plain lines", async (t) => {
  const { stdout } = await run({});
  t.notMatch(stdout, "\x1b");
  t.match(stdout, "recap\n");
});

t.test("FORCE_COLOR colours a pipe", async (t) => void t.match((await run({ env: { ...env, FORCE_COLOR: "1" } })).stdout, "\x1b[31m"));

t.test("files are written once, at the end", async (t) => {
  const dir = folder(t);
  const files = { junit: join(dir, "a/x.xml"), report: join(dir, "b/x.html") };
  const reporter = await reporters({ ...files, stdout: new Pipe(), env });
  for (const e of rollout()) reporter.event(e);
  t.notOk(existsSync(files.junit));
  reporter.end();
  t.match(readFileSync(files.junit, "utf8"), "</testsuites>");
  t.match(readFileSync(files.report, "utf8"), "</html>");
});

t.test("files are also written when the process exits in the middle", async (t) => {
  const dir = folder(t);
  const script = join(dir, "x.mts");
  const url = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
  writeFileSync(
    script,
    `
    const { reporters } = await import(${url("../../lib/report/index.mts")});
    const { rollout } = await import(${url("rollout.mts")});
    const r = await reporters({ junit: ${JSON.stringify(join(dir, "x.xml"))}, report: ${JSON.stringify(join(dir, "x.html"))} });
    for (const e of rollout().slice(0, 100)) r.event(e);
    process.exit(1);`,
  );
  const { stdout } = spawnSync(process.execPath, ["--import", new URL("../../node_modules/tsx/dist/esm/index.mjs", import.meta.url).href, script], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"] },
  });
  t.match(readFileSync(join(dir, "x.xml"), "utf8"), "</testsuites>");
  t.match(readFileSync(join(dir, "x.html"), "utf8"), "</html>");
  t.match(stdout, "the run broke off before its end");
});

t.test("a reader that leaves doesn't end the run", async (t) => {
  const xml = join(folder(t), "x.xml");
  const cwd = new URL("../..", import.meta.url).pathname;
  const demo = `${process.execPath} --import ./node_modules/tsx/dist/esm/index.mjs test/report/demo.mts bare --json --speed 20 --junit ${xml}`;
  const { stdout, stderr } = spawnSync("sh", ["-c", `${demo} | head -n 1`], { encoding: "utf8", cwd, env: { PATH: process.env["PATH"] } });
  t.equal(stdout.split("\n").length, 2);
  t.equal(stderr, "");
  t.match(readFileSync(xml, "utf8"), 'name="restart nats-server"');
});

t.test("a report's folder that can't be written is a usage error, before the run", async (t) => {
  const dir = folder(t);
  writeFileSync(join(dir, "file"), "");
  const wrong: [options: ReportOptions, message: RegExp][] = [
    [{ junit: join(dir, "file/x.xml") }, /file\/x.xml: its folder can't be written \((EEXIST|ENOTDIR)\); choose another file$/],
    [{ report: dir }, /is a folder; name a file$/],
    [{ report: join(dir, "x"), junit: join(dir, "x") }, /name the same file/],
  ];
  for (const [options, message] of wrong) {
    const error: unknown = await reporters(options).then(
      () => undefined,
      (e: unknown) => e,
    );
    t.ok(error instanceof UsageError);
    t.match((error as Error).message, message);
  }
});

t.test("a reporter that breaks is dropped with a warning, and the others go on", async (t) => {
  const stderr = new Pipe();
  let seen = 0;
  const reporter = fanOut(
    [
      {
        event: () => {
          throw new Error("disk full");
        },
        end: () => {},
      },
      { event: () => void seen++, end: () => void seen++ },
    ],
    stderr,
  );
  const events = rollout();
  reporter.event(events[0]!);
  reporter.event(events[1]!);
  reporter.end();
  reporter.end();
  t.equal(seen, 3, "two events, one end");
  t.equal(stderr.text, "warning: a report is incomplete: disk full\n");
});
