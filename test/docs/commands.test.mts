import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import t, { type Test } from "tap";
import { makeSeed } from "../../lib/pki/secrets.mts";
import { root } from "../lab/fixture.mts";
import { type Command, commandsOf } from "./commands.mts";
import { helpOf, playbooks, run } from "./help.mts";
import { page, pages } from "./pages.mts";

t.setTimeout(600_000);

/** docs/writing.md makes house.mts; writing.test.mts types its commands on a host. */
const all = pages().flatMap(commandsOf);
const elsewhere = ({ at, words }: Command): boolean => at.startsWith("docs/writing.md") && words[0] === "./playbooks/house.mts";

const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };
const NPM = ["test", "ci", "install"];

/** The playbook and its arguments, as `./playbooks/site.mts -i …` or `npx sampan site -i …`; undefined for what isn't one. */
function playbookOf({ words: [program = "", ...rest] }: Command): { name: string; args: string[] } | undefined {
  if (program.startsWith("./playbooks/")) return { name: basename(program, ".mts"), args: rest };
  const [name = "", ...args] = program === "npx" ? rest.slice(1) : rest;
  return program === "sampan" || (program === "npx" && rest[0] === "sampan") ? { name, args } : undefined;
}

/** What is wrong with a command as it stands; undefined when it parses. */
function fault(command: Command): string | undefined {
  const [program, ...rest] = command.words;
  if (program === "npm") return npm(rest);
  if (program === "npx" && (rest[0] === "tsx" || rest[0] === "tap")) {
    const file = rest.find((w) => w.endsWith(".mts"));
    return file && existsSync(join(root, file)) ? undefined : `there is no ${file}`;
  }
  if (program!.startsWith("./test/")) return existsSync(join(root, program!)) ? undefined : `there is no ${program}`;
  const playbook = playbookOf(command);
  if (!playbook) return `${program} ${rest[0]} is no command of ours`;
  const { name, args } = playbook;
  if (name === "" || name.startsWith("-")) return undefined; // `npx sampan --help`
  if (["completion", "help"].includes(name)) return undefined; // lib/command's own
  return playbooks.includes(name) ? flags(name, args) : `there is no playbook ${name}`;
}

function npm([verb = "", script = "", ...rest]: string[]): string | undefined {
  if (NPM.includes(verb)) return undefined;
  if (verb !== "run") return `npm ${verb}: neither run nor one of ${NPM.join(", ")}`;
  if (!(script in scripts)) return `package.json has no script ${script}`;
  // What follows goes to a program of ours, which must know it.
  const program = /\S+\.mts/.exec(scripts[script]!)?.[0];
  const text = program ? readFileSync(join(root, program), "utf8") : "";
  return rest
    .filter((w) => /^--./.test(w))
    .map((w) => (text.includes(`"${w.slice(2)}"`) || text.includes(`${w.slice(2)}:`) ? undefined : `${program ?? script} doesn't know ${w}`))
    .find(Boolean);
}

function flags(playbook: string, args: readonly string[]): string | undefined {
  const { flags: known, text } = helpOf(playbook);
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!;
    if (word === "--" || word === "…") return undefined;
    const [flag, joined] = word.startsWith("--") ? word.split(/=(.*)/s) : [word];
    if (!word.startsWith("-")) {
      // up|down, HOST: a verb or its object, where the playbook has such
      const verbs = word.split("|");
      if (!/^Usage:/m.test(text) && !text.includes(`${playbook}.mts ${verbs[0]}`) && i === 0) return `${playbook}.mts takes no argument "${word}"`;
      if (i === 0 && !verbs.every((v) => new RegExp(`\\b${v}\\b`).test(text))) return `${playbook}.mts knows no "${word}"`;
      continue;
    }
    if (!known.has(flag!)) return `${playbook}.mts has no flag ${flag}`;
    if (known.get(flag!) && joined === undefined && args[++i] === undefined) return `${playbook}.mts: ${flag} needs a value`;
  }
  return undefined;
}

t.test("each command of the pages parses: its playbook or script is there and knows its flags", async (t) => {
  t.ok(all.length > 100, "they are found at all");
  t.same(
    all.filter((c) => !elsewhere(c)).flatMap((c) => (fault(c) ? [`${c.at}: ${c.text}: ${fault(c)}`] : [])),
    [],
  );
});

t.test("the pages that a playbook's --help sends its reader to are there", async (t) => {
  for (const playbook of playbooks) {
    const named = [...helpOf(playbook).text.matchAll(/\bdocs\/[\w-]+\.md/g)].map(([file]) => file);
    t.ok(playbook === "demo" || named.includes("docs/runbook.md"), playbook);
    for (const file of named) t.ok(existsSync(join(root, file)), `${playbook}: ${file}`);
  }
});

t.test("a slip in a command is found", async (t) => {
  const slip = (...words: string[]) => fault({ at: "", text: "", words });
  t.match(slip("./playbooks/sight.mts"), /no playbook sight/);
  t.match(slip("./playbooks/site.mts", "--chekc"), /no flag --chekc/);
  t.match(slip("./playbooks/site.mts", "--limit"), /needs a value/);
  t.match(slip("./playbooks/site.mts", "now"), /no argument "now"/);
  t.match(slip("./playbooks/lab.mts", "upp"), /knows no "upp"/);
  t.match(slip("npm", "run", "dmeo"), /no script dmeo/);
  t.match(slip("npm", "run", "bench", "--", "rollout", "--ruonds", "3"), /doesn't know --ruonds/);
});

/** Of the nats CLI, of Ansible, of ssh: the pages speak of them, too. */
const FOREIGN = [
  ...["--deliver-group", "--sort", "--reverse", "--compact", "--clients", "--msgs", "--multisubject", "--multisubjectmax", "--create", "--purge"],
  ...["--skip-tags", "-a", "-x"],
];

t.test("each flag that the pages speak of is one of some playbook or script", async (t) => {
  const known = new Set(playbooks.flatMap((p) => [...helpOf(p).flags.keys()]));
  const bench = readFileSync(join(root, "test/bench/bench.mts"), "utf8");
  const unknown = pages().flatMap(({ file, spans }) =>
    spans
      .filter(({ text }) => /^-(-[a-z]|[a-zA-Z]( |$))/.test(text))
      .flatMap(({ text, line }) =>
        [...text.matchAll(/(?:^|\s|\/)(--[a-z][\w-]*|-[a-zA-Z])(?=[\s=]|$)/g)].map(([, flag]) => ({ flag: flag!, at: `${file}:${line}` })),
      ),
  );
  t.same(
    unknown.filter(({ flag }) => !known.has(flag) && !FOREIGN.includes(flag) && !bench.includes(`  ${flag} `)).map(({ flag, at }) => `${at}: ${flag}`),
    [],
  );
});

/** Five hosts with addresses, as the pages' examples grow to that many. */
function region(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), "sampan-docs-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const inventory = join(dir, "hk");
  cpSync(join(root, "inventory/hk"), inventory, { recursive: true, filter: (f) => !/\/(\.env|pki|known_hosts)$/.test(f) });
  const env = [...[1, 2, 3].map((n) => `NATS_NODE_${n}_ADDRESS=10.0.0.${n}\n`), ...["SYS", "APP"].map((u) => `NATS_${u}_NKEY_SEED=${makeSeed()}\n`)].join("");
  writeFileSync(join(inventory, ".env"), env, { mode: 0o600 });
  const hosts = join(inventory, "hosts.yml");
  writeFileSync(hosts, `${readFileSync(hosts, "utf8").trimEnd()}\n    nats-node-4:\n      address: 10.0.0.4\n    nats-node-5:\n      address: 10.0.0.5\n`);
  return inventory;
}

/** A word that the reader replaces by his own. */
const isPlaceholder = (word: string): boolean => /…|^[A-Z][A-Z_.=-]*$|<|FILE|FOLDER/.test(word);
/** What must be there first: a backup's folder, a rotation that was begun, an inventory of the reader's own. */
const NEEDS = ["--from", "--verify", "--switch", "--finish", "--rollback"];

t.test("each command of a playbook with --list-hosts is taken by it, with the inventory of five hosts", async (t) => {
  const inventory = region(t);
  const tried = new Map<string, string>();
  for (const command of all.filter((c) => !elsewhere(c))) {
    const { name, args } = playbookOf(command) ?? { name: "", args: [] };
    if (!playbooks.includes(name) || !helpOf(name).flags.has("--list-hosts") || args.some((a) => isPlaceholder(a) || NEEDS.includes(a))) continue;
    // A playbook that is only named isn't called.
    if (args.length === 0) continue;
    const at = args.findIndex((a) => a === "-i" || a === "--inventory");
    // A page's own example of many clusters: other hosts and groups.
    if (args[at + 1] === "inventory/edge") continue;
    const rest = at < 0 ? args : args.filter((_, i) => i !== at && i !== at + 1);
    const typed = [name, ...rest].join(" ");
    if (!tried.has(typed)) {
      const { status, stdout, stderr } = run(name, "-i", inventory, ...rest, "--list-hosts");
      tried.set(
        typed,
        status === 0 && (stdout.includes("nats-node-1") || rest.some((a) => /limit|-l|--list/.test(a))) ? "" : `exit ${status}: ${stdout}${stderr}`,
      );
    }
    t.equal(tried.get(typed), "", `${command.at}: ${command.text}`);
  }
  t.ok(tried.size > 25, `${tried.size} different ones were typed`);
});

t.test("what else stands in blocks of a shell is a program of a usual system, and sh takes it", async (t) => {
  const USUAL =
    /^(?:sudo |\$ )?(?:cat|cd|chmod|chown|cp|curl|echo|export|git|grep|jq|journalctl|ls|mkdir|mv|nats|nats-server|openssl|printf|ps|rm|ssh|ssh-add|ssh-keygen|ssh-keyscan|sysctl|systemctl|tail|tar|umount|mount|df|for|do|done|seq|ip|ss|source|eval|sh|bash|node|apt|apt-get|\.\s)\b/;
  for (const { file, blocks } of pages())
    for (const { language, lines } of blocks) {
      const shell = ["sh", "bash", "console"].includes(language.split(" ")[0]!);
      if (!shell) continue;
      const text = lines.map((l) => l.text).join("\n");
      const { status, stderr } = spawnSync("sh", ["-n"], { input: text.replaceAll(/^\$ /gm, ""), encoding: "utf8" });
      t.equal(status, 0, `${file}:${lines[0]?.line}: ${stderr}`);
      for (const { text, line } of lines) {
        const bare = text.trim();
        if (bare === "" || bare.startsWith("#") || /^(?:\$ )?(?:[A-Z_]+=\S* )*(?:\.\/|npm |npx |sampan )/.test(bare)) continue;
        t.match(bare, USUAL, `${file}:${line}`);
      }
    }
});

t.test("README's list of flags is site.mts's", async (t) => {
  for (const file of ["README.md", "README.zh-CN.md"]) {
    const said = page(file).spans.flatMap(({ text }) => [...text.matchAll(/--[a-z][\w-]*/g)].map(([flag]) => flag));
    for (const flag of helpOf("site").flags.keys()) if (flag.startsWith("--") && flag !== "--role") t.ok(said.includes(flag), `${file} speaks of ${flag}`);
  }
});
