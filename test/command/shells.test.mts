import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { root } from "../lab/fixture.mts";

t.setTimeout(600_000);

const sampan = join(root, "bin/sampan");
const home = mkdtempSync(join(tmpdir(), "sampan-shells-"));
t.teardown(() => rmSync(home, { recursive: true, force: true }));
for (const region of ["hk", "sg"])
  cpSync(join(root, "inventory/hk"), join(home, "inventory", region), { recursive: true, filter: (f) => !/\/(\.env|pki|known_hosts)$/.test(f) });
writeFileSync(join(home, "inventory/sg/hosts.yml"), "edge:\n  hosts: { sg-1: , sg-2: }\n");
// What the completed line would have run: it tells its arguments.
const told = `printf '<%s>\\n' "$*"`;
mkdirSync(join(home, "playbooks"));
writeFileSync(join(home, "playbooks/site.mts"), `#!/bin/sh\n${told}\n`, { mode: 0o755 });

/** What is typed before the Tab key, and the arguments that the command gets when Enter follows. */
const CASES = [
  ["sampan verif", "verify"],
  ["sampan site --accept-n", "site --accept-new-host-keys"],
  ["sampan site -i inventory/s", "site -i inventory/sg"],
  ["sampan site --inventory=inventory/s", "site --inventory=inventory/sg"],
  ["sampan site -i inventory/sg -l sg-1,ed", "site -i inventory/sg -l sg-1,edge"],
  ["sampan bench --mode pul", "bench --mode pull"],
  ["sampan lab stat", "lab status"],
  ["sampan site --report inventory/sg/hos", "site --report inventory/sg/hosts.yml"],
  ["./playbooks/site.mts --role cl", "--role cluster-config"],
] as const;

const absent = (shell: string): string | false => spawnSync(shell, ["--version"]).status !== 0 && `${shell} is not installed`;
const env = { PATH: process.env["PATH"], HOME: home, TERM: "dumb", LANG: "C.UTF-8" };

/** Keys typed into an interactive shell in a pseudo terminal. */
for (const [shell, command] of [
  ["bash", "bash --norc --noprofile -i"],
  ["zsh", "zsh -f -i"],
] as const) {
  t.test(`${shell} completes when Tab is pressed`, { skip: absent(shell) }, async (t) => {
    const setUp = `eval "$('${sampan}' completion ${shell})"; sampan() { ${told}; }\n`;
    const { stdout } = spawnSync("script", ["-qec", command, "/dev/null"], {
      cwd: home,
      env: { ...env, SHELL: "/bin/sh" },
      encoding: "utf8",
      input: `${setUp}${CASES.map(([typed]) => `${typed}\t\n`).join("")}exit\n`,
    });
    t.same(
      [...stdout.matchAll(/^<(.*)>\r?$/gm)].map((m) => m[1]!.trim()),
      CASES.map(([, args]) => args),
      stdout,
    );
  });
}

t.test("fish offers the same", { skip: absent("fish") }, async (t) => {
  for (const [typed, args] of CASES) {
    const { stdout, stderr } = spawnSync("fish", ["--no-config", "-c", `'${sampan}' completion fish | source; complete -C '${typed}'`], {
      cwd: home,
      env,
      encoding: "utf8",
    });
    t.same({ offered: stdout.split("\t")[0]!.trim(), stderr }, { offered: args.split(" ").at(-1), stderr: "" }, typed);
  }
});
