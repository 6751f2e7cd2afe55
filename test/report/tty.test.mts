import { spawn, spawnSync } from "node:child_process";
import t from "tap";
import type { Event } from "../../lib/engine/events.mts";
import { style } from "../../lib/report/style.mts";
import { tty } from "../../lib/report/tty.mts";
import { golden } from "./golden.mts";
import { rollout, type Scenario } from "./rollout.mts";
import { Screen } from "./screen.mts";

const looks = style({ colour: true, unicode: true });
const HIDE = "\x1b[?25l";
const SHOW = "\x1b[?25h";

/** Plays events on a screen, with a frame between any two that are 80 ms apart, as the timer would draw them. */
function play(screen: Screen, events: readonly Event[], between: (now: number) => void = () => {}): void {
  let now = events[0]!.at;
  // A resize draws at once: here it stands in for the timer, so that a test needs no real time.
  let redraw = (): void => {};
  const stdout = Object.assign(screen, {
    on: (_: string, listener: () => void) => {
      redraw = listener;
    },
  });
  const reporter = tty({ stdout, style: looks, now: () => now, cwd: process.cwd() });
  for (const e of events) {
    while (e.at - now > 80) {
      now += 80;
      redraw();
      between(now);
    }
    reporter.event(e);
  }
  reporter.end();
}

const cases: [name: string, scenario: Scenario, columns: number, rows: number][] = [
  ["bare", { bare: true }, 100, 30],
  ["broken", { broken: true, hosts: 5 }, 80, 24],
  ["check", { mode: "check" }, 80, 24],
];
for (const [name, scenario, columns, rows] of cases) {
  t.test(`the screen after a run: ${name}, ${columns} columns`, async (t) => {
    const screen = new Screen(columns, rows);
    play(screen, rollout(scenario));
    golden(t, `tty-${name}.txt`, `${screen.text()}\n`);
    t.ok(screen.cursorShown);
  });
}

t.test("in the middle of a run: lanes below, changes above, cursor hidden", async (t) => {
  const screen = new Screen(100, 30);
  let seen = "";
  const from = rollout({ bare: true })[0]!.at;
  play(screen, rollout({ bare: true }), (now) => {
    if (now - from === 2000) seen = `${screen.text()}\ncursor ${screen.cursorShown ? "shown" : "hidden"}\n`;
  });
  golden(t, "tty-middle.txt", seen);
});

t.test("100 lanes on a small screen never leave it", async (t) => {
  const screen = new Screen(80, 12);
  t.doesNotThrow(() => play(screen, rollout({ broken: true, hosts: 100 })));
});

t.test("a frame is one write", async (t) => {
  const screen = new Screen(100, 30);
  const writes: number[] = [];
  play(screen, rollout({ bare: true }), () => writes.push(screen.writes));
  t.ok(writes.every((n, i) => i === 0 || n - writes[i - 1]! === 1));
});

// In a real pseudo terminal, through script(1).
const driver = (args: string): string => `${process.execPath} --import ./node_modules/tsx/dist/esm/index.mjs test/report/demo.mts ${args}`;
const env = { ...process.env, TERM: "xterm-256color", NO_COLOR: "", FORCE_COLOR: "", LANG: "C.UTF-8", NODE_OPTIONS: "" };

const terminal = (args: string, more: Record<string, string> = {}): string =>
  spawnSync("script", ["-qec", driver(args), "/dev/null"], { encoding: "utf8", env: { ...env, ...more }, timeout: 30_000 }).stdout;

for (const [name, args] of [
  ["an ordinary end", "bare --speed 50"],
  ["a crash", "bare --until 500 --crash"],
] as const) {
  t.test(`the cursor comes back after ${name}`, async (t) => {
    const raw = terminal(args);
    t.match(raw, HIDE, "it was hidden");
    t.ok(raw.lastIndexOf(SHOW) > raw.lastIndexOf(HIDE), "and shown again");
  });
}

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  t.test(`the cursor comes back after ${signal}, and the signal still ends the process`, async (t) => {
    // tap preloads a module into node that listens to signals too; with it this would be a test of that module.
    const child = spawn("script", ["-qec", `unset NODE_OPTIONS; echo "pid=$$="; exec ${driver("bare --until 600")}`, "/dev/null"], {
      env: { ...env, SHELL: "/bin/sh" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let pid: number | undefined;
    t.teardown(() => {
      try {
        process.kill(pid ?? child.pid!, "SIGKILL");
      } catch {
        /* gone, as it should be */
      }
    });
    let raw = "";
    let sent = false;
    await new Promise<void>((done) => {
      child.stdout.on("data", (data: Buffer) => {
        raw += data.toString();
        pid ??= Number(/pid=(\d+)=/.exec(raw)?.[1]) || undefined;
        if (sent || !pid || !raw.includes("install")) return;
        sent = true;
        process.kill(pid, signal);
      });
      child.on("close", () => done());
    });
    t.ok(raw.lastIndexOf(SHOW) > raw.lastIndexOf(HIDE));
  });
}

t.test("NO_COLOR: the display lives, without colours", async (t) => {
  const raw = terminal("bare --speed 50", { NO_COLOR: "1" });
  t.match(raw, HIDE);
  t.notMatch(raw, /\x1b\[[\d;]*m/);
});

t.test("TERM=dumb: plain lines", async (t) => {
  t.notMatch(terminal("bare --speed 50", { TERM: "dumb" }), "\x1b");
});

t.test("without UTF-8 everything is ASCII", async (t) => {
  t.match(terminal("broken 5 --speed 50", { LANG: "C", LC_ALL: "C" }), /^[\x00-\x7f]+$/);
});
