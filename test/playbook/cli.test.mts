import t from "tap";
import { UsageError } from "../../lib/inventory/types.mts";
import { helpText, type Options, ownFlags, parseOptions } from "../../lib/playbook/cli.mts";
import { OPTIONS } from "./fixture.mts";

const usage = {
  about: "does something",
  examples: [
    ["", "all of it"],
    ["--role verify", "one role"],
  ] as const,
  roles: ["nats-install", "cluster-config", "verify"],
};
const parse = (...argv: string[]): Options | "help" => parseOptions(argv, usage);
function fault(...argv: string[]): string {
  try {
    parse(...argv);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return error.lines.join("\n");
  }
  return "no error";
}
const DEFAULTS: Options = { ...OPTIONS, inventory: "inventory/hk", forks: 50 };

t.test("no arguments", async (t) => t.same(parse(), DEFAULTS));

/** Arguments, and the options that differ from none. */
const CASES: [argv: string[], own: Partial<Options>][] = [
  [["-i", "inventory/sg"], { inventory: "inventory/sg" }],
  [["--inventory=inventory/sg"], { inventory: "inventory/sg" }],
  [["-l", "a,b"], { limit: "a,b" }],
  [["--limit", "!c"], { limit: "!c" }],
  [["-t", "verify", "--role", "nats-install", "--tags", "cluster-config"], { roles: ["verify", "cluster-config", "nats-install"] }],
  [["--role", "verify,nats-install"], { roles: ["verify", "nats-install"] }],
  [["-C"], { check: true }],
  [["--check"], { check: true }],
  [["-D"], { diff: true }],
  [["--diff"], { diff: true }],
  [["-CD"], { check: true, diff: true }],
  [["-e", "a=1", "--extra-vars", "b.c=2"], { extraVars: ["a=1", "b.c=2"] }],
  [["-f", "1"], { forks: 1 }],
  [["--forks=200"], { forks: 200 }],
  [["-v"], { verbose: true }],
  [["--list-hosts"], { listHosts: true }],
  [["--list-tasks"], { listTasks: true }],
  [["--start-at-task", "service *"], { startAtTask: "service *" }],
  [["--json"], { json: true }],
  [["--report", "r.html", "--junit", "j.xml"], { report: "r.html", junit: "j.xml" }],
  [["--accept-new-host-keys"], { acceptNewHostKeys: true }],
  [["-K"], { askBecomePass: true }],
  [["--ask-become-pass"], { askBecomePass: true }],
  [["--all-at-once"], { allAtOnce: true }],
  [["-i", "a", "-i", "b"], { inventory: "b" }],
];
for (const [argv, own] of CASES) t.test(argv.join(" ") || "nothing", async (t) => t.same(parse(...argv), { ...DEFAULTS, ...own }));

t.test("help", async (t) => {
  t.equal(parse("--help"), "help");
  t.equal(parse("-h", "--check"), "help");
});

/** Arguments and the one line that the user reads. */
const FAULTS: [argv: string[], line: string][] = [
  [["--chekc"], "there is no flag --chekc (did you mean --check?); see --help"],
  [["--start-at-tsk", "x"], "there is no flag --start-at-tsk (did you mean --start-at-task?); see --help"],
  [["--list_hosts"], "there is no flag --list_hosts (did you mean --list-hosts?); see --help"],
  [["--something-else"], "there is no flag --something-else; see --help"],
  [["-x"], "there is no flag -x; see --help"],
  [["-Cx"], "there is no flag -x; see --help"],
  [["--role", "verfy"], `there is no role "verfy" (did you mean verify?); roles here: nats-install, cluster-config, verify`],
  [["-t", "verify,"], `there is no role ""; roles here: nats-install, cluster-config, verify`],
  [["inventory/sg"], `unexpected argument "inventory/sg"; flags start with a dash, see --help`],
  [["--forks", "0"], `--forks takes a whole number from 1, not "0"`],
  [["--forks", "many"], `--forks takes a whole number from 1, not "many"`],
  [["--forks", "1.5"], `--forks takes a whole number from 1, not "1.5"`],
  [["-f", ""], `--forks takes a whole number from 1, not ""`],
  [["--inventory"], "--inventory needs FOLDER after it; see --help"],
  [["-i", "--check"], "--inventory needs FOLDER after it; see --help"],
  [["--start-at-task"], "--start-at-task needs TASK after it; see --help"],
  [["--check=yes"], "--check takes no value; see --help"],
];
for (const [argv, line] of FAULTS) t.test(argv.join(" "), async (t) => t.equal(fault(...argv), line));

t.test("--help names every flag once, with its letter, and the playbook's own examples", async (t) => {
  const text = helpText("/somewhere/playbooks/site.mts", usage);
  for (const flag of [
    "-i, --inventory FOLDER",
    "-l, --limit PATTERN",
    "-t, --tags ROLE",
    "-C, --check",
    "-D, --diff",
    "-e, --extra-vars KEY=VALUE",
    "-f, --forks N",
    "-v, --verbose",
    "--list-hosts",
    "--list-tasks",
    "--start-at-task TASK",
    "--json",
    "--report FILE.html",
    "--junit FILE.xml",
    "--accept-new-host-keys",
    "-K, --ask-become-pass",
    "--all-at-once",
    "-h, --help",
  ])
    t.equal(text.split("\n").filter((line) => line.trim().startsWith(`${flag} `)).length, 1, flag);
  t.match(text, "./playbooks/site.mts: does something");
  t.match(text, /\.\/playbooks\/site\.mts --role verify +one role\n/);
  t.match(text, "Exit status: 0 done");
  t.match(text, "Roles: nats-install, cluster-config, verify");
  t.match(text, "\nMore: what to type when: docs/runbook.md");
  t.ok(
    text.split("\n").every((line) => line.length <= 140),
    "no line runs off a terminal",
  );
});

t.test("on a terminal what a flag does is wrapped beside it", async (t) => {
  const lines = helpText("x.mts", usage, 80).split("\n");
  const at = lines.findIndex((line) => line.includes("--max-fail N "));
  t.match(lines.slice(at, at + 2).join("\n"), /^ {6}--max-fail N +once .*\n {34}\S/);
  const flags = lines.slice(lines.indexOf("Flags:"), lines.lastIndexOf(""));
  t.ok(flags.filter((line) => line.startsWith("  -") || line.startsWith("    ")).every((line) => line.length < 80));
});

t.test("a playbook without roles speaks of none", async (t) => t.notMatch(helpText("x.mts", { ...usage, roles: [] }), "Roles:"));

t.test("a playbook's own flags stand beside the common ones; those that say nothing there are refused", async (t) => {
  const flags = {
    to: { type: "string", value: "VERSION", text: "the version to reach" },
    only: { type: "string", multiple: true, value: "NAME", text: "some" },
    rollback: { type: "boolean", text: "back" },
  } as const;
  const own = { ...usage, flags, without: ["tags", "role"] } as const;
  const options = parseOptions(["--to", "2.15.1", "--only", "a", "--only=b", "-C"], own) as Options;
  t.same(ownFlags(flags, options), { to: "2.15.1", only: ["a", "b"], rollback: undefined });
  t.equal(options.check, true);
  t.throws(() => parseOptions(["--tags", "verify"], own), { message: /there is no flag --tags/ });
  t.throws(() => parseOptions(["--to"], own), { message: /--to needs VERSION after it/ });
  t.throws(() => parseOptions(["--rolback"], own), { message: /did you mean --rollback/ });
  const check = { type: "boolean", short: "C", text: "only a look" } as const;
  t.match(helpText("/x/verify.mts", { ...usage, flags: { check } }), /^ {2}-C, --check +only a look$/m, "its own words for a common flag");
  t.equal((parseOptions(["-C"], { ...usage, flags: { check } }) as Options).check, true);
  const text = helpText("/x/upgrade.mts", own);
  t.match(text, /--to VERSION +the version to reach/);
  t.notMatch(text, "--tags");
});
