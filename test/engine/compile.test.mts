import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { compile, plan, preamble } from "../../lib/engine/compile.mts";
import { handler, type ShellLibrary } from "../../lib/engine/resource.mts";
import { quote, Sh } from "../../lib/sh.mts";
import { flag, programOf, step, stepsOf } from "./local-host.mts";
import { env, shells, without } from "./shells.mts";

t.setTimeout(600_000);

t.test("steps stand in the order of the roles, then each handler once", async (t) => {
  const restart = handler("restart", { check: new Sh(":"), apply: new Sh(":") });
  const roll = handler("roll", { check: new Sh(":"), apply: new Sh(":"), rolling: true });
  const steps = plan([
    { role: "one", resources: [step("a", ":").notify(restart, roll), step("b", ":")] },
    { role: "two", resources: [step("c", ":").notify(restart)] },
  ]);
  t.strictSame(
    steps.map((s) => `${s.id} ${s.role}: ${s.task} (${s.kind})`),
    ["1 one: step a (resource)", "2 one: step b (resource)", "3 two: step c (resource)", "4 one: handler restart (handler)", "5 one: handler roll (rolling)"],
  );
});

t.test("a library goes into a program once", async (t) => {
  const library: ShellLibrary = { name: "lib", text: "lib_function() { :; }" };
  const { text } = programOf("apply", step("a", "lib_function", ":", { uses: [library] }), step("b", "lib_function", ":", { uses: [library] }));
  t.equal(text.split("lib_function() {").length, 2);
});

t.test("--start-at-task leaves out steps: what only they need or notify is not asked for", async (t) => {
  const restart = handler("restart", { check: new Sh(":"), apply: new Sh(":") });
  const [, ...rest] = stepsOf(step("a", ":").notify(restart), step("b", ":", ":", { needs: ["step a"] }));
  t.match(compile(rest, { mode: "check", diff: false }).text, /step 2 '' 'role: step b' \|\| return\nhandler 3 '' 'role: handler restart'/);
});

t.test("a resource knows the line of the role that asked for it", async (t) => {
  const { at } = step("here", ":");
  t.match(at.file, /local-host\.mts|compile\.test\.mts/);
  t.ok(at.line > 0);
});

for (const [name, [command, ...args], skip] of shells) {
  t.test(`a program cut at any byte runs nothing in ${name}`, { skip, timeout: 120_000 }, async (t) => {
    const dir = mkdtempSync(join(tmpdir(), "sampan-test-"));
    t.teardown(() => rmSync(dir, { recursive: true, force: true }));
    const { text } = compile(
      stepsOf(
        flag(join(dir, "a"), `: >${quote(join(dir, "a"))}; : >${quote(join(dir, "b"))}`).notify(handler("h", { check: new Sh(":"), apply: new Sh(":") })),
      ),
      { mode: "apply", diff: true },
    );
    const begin = preamble("sampan-cut", "tester")
      .replaceAll("/var/log/sampan", join(dir, "log"))
      .replace(/^PATH=.*$/m, "");
    const whole = text.trimEnd().length;
    // every fourth byte, and each of the last lines
    const cuts = Array.from({ length: whole + 1 }, (_, i) => i).filter((size) => size % 4 === 0 || size > whole - 60);
    const ran = cuts.filter((size) => {
      const { stdout } = spawnSync(command!, [...args, "-s"], { input: begin + text.slice(0, size), env });
      const left = readdirSync(dir);
      for (const f of left) rmSync(join(dir, f), { recursive: true });
      return left.length > 0 || stdout.length > 0;
    });
    t.strictSame(ran, [whole], "only the whole program did anything");
  });

  t.test(`preamble and facts are understood by ${name}`, { skip }, async (t) => {
    const facts = readFileSync(new URL("../../lib/engine/facts.sh", import.meta.url), "utf8");
    const { status, stderr } = spawnSync(command!, [...args, "-n"], { input: `${preamble("n", "w")}\n${facts}`, env });
    t.strictSame([status, stderr.toString()], [0, ""]);
  });

  t.test(`every shell library is understood by ${name}`, { skip }, async (t) => {
    for (const library of await libraries()) {
      const { status, stderr } = spawnSync(command!, [...args, "-n"], { input: library.text, env });
      t.strictSame([status, stderr.toString()], [0, ""], library.name);
    }
  });
}

t.test("shellcheck finds nothing in the preamble, the facts and the libraries", { skip: without("shellcheck") }, async (t) => {
  const engine = (name: string): string => readFileSync(new URL(`../../lib/engine/${name}`, import.meta.url), "utf8");
  // 1007, 1097: `a= b=` and `IFS==` are meant so; 2034, 2154: variables come from or go to another part; 2086: words on purpose (set -f); 2015: A && B || C is meant so;
  // 2030, 2031: a step's variables are its own; 2317, 2119, 2120: called from elsewhere; 2016, 2046: text for later, a list of words
  const exclude = "1007,1097,2034,2154,2086,2015,2030,2031,2317,2119,2120,2016,2046,2329";
  const check = (name: string, text: string): void => {
    const { stdout } = spawnSync("shellcheck", ["-s", "sh", "-S", "warning", "-e", exclude, "-f", "gcc", "-"], { input: text });
    t.equal(stdout.toString(), "", name);
  };
  check("preamble", engine("preamble.sh"));
  check("facts", engine("facts.sh"));
  for (const library of await libraries()) check(library.name, library.text);
});

/** All libraries of lib/resources, taken from what its functions and constants give. */
async function libraries(): Promise<ShellLibrary[]> {
  const found = new Map<string, ShellLibrary>();
  const dir = new URL("../../lib/resources/", import.meta.url);
  for (const name of readdirSync(dir)) {
    const text = readFileSync(new URL(name, dir), "utf8");
    // template literals of `text:` members, with the escapes undone as JavaScript does
    for (const [, libraryName, body] of text.matchAll(/name: "([\w-]+)",\s*text: `([^]*?[^\\])`[,\n }]/g)) {
      found.set(`${name}: ${libraryName}`, {
        name: `${name}: ${libraryName}`,
        text: body!.replace(/(?<!\\)\$\{[^}]+\}/g, () => "$word").replace(/\\(.)/g, "$1"),
      });
    }
  }
  if (found.size < 6) throw new Error("the libraries are no longer where they were");
  return [...found.values()];
}
