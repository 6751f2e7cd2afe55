import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { root } from "../lab/fixture.mts";
import { Bench } from "./bad-input.mts";
import { CASES } from "./bad-input-cases.mts";

t.setTimeout(600_000);

t.test("bad input: its lines, status 3, and nobody was called", async (t) => {
  const bench = await Bench.open();
  t.teardown(() => bench.close());

  t.test("the bench would see a connection", async (t) => {
    const met = await bench.meet({}, ["-i", "inv", "--check"]);
    t.equal(met.status, 4);
    t.equal(met.calls.length, 3, "ssh is noticed");
  });

  t.test(`${CASES.length} cases`, async (t) => {
    const left = [...CASES];
    await Promise.all(
      [0, 1].map(async () => {
        for (let row = left.shift(); row; row = left.shift()) {
          const [what, files, args, lines] = row;
          const { status, stdout, stderr, calls, connections, made } = await bench.meet(files, args);
          t.same(
            { status, stdout, lines: stderr.split("\n").filter(Boolean), calls, connections, made },
            { status: 3, stdout: "", lines, calls: [], connections: 0, made: [] },
            what,
          );
        }
      }),
    );
  });

  t.test("other playbooks and --list flags tell the same", async (t) => {
    const broken = { "group_vars/all.yml": "prt: 1\n" },
      line = 'inv/group_vars/all.yml:1:1: unknown key "prt"; did you mean "port"?\n';
    for (const [playbook, ...args] of [["verify.mts"], ["site.mts", "--list-hosts"], ["site.mts", "--list-tasks"], ["site.mts", "--check", "--json"]] as const)
      t.match(
        await bench.meet(broken, ["-i", "inv", ...args], playbook),
        { status: 3, stdout: "", stderr: line, calls: [], connections: 0, made: [] },
        `${playbook} ${args.join(" ")}`,
      );
  });
});

t.test("templates with a slip: their line, status 3, before any host is called", async (t) => {
  // a checkout whose templates may be broken
  const copy = mkdtempSync(join(tmpdir(), "sampan-copy-"));
  t.teardown(() => rmSync(copy, { recursive: true, force: true }));
  for (const folder of ["lib", "roles", "playbooks", "package.json", "package-lock.json", "tsconfig.json"])
    cpSync(join(root, folder), join(copy, folder), { recursive: true });
  mkdirSync(join(copy, "node_modules"));
  for (const name of readdirSync(join(root, "node_modules")))
    if (name !== ".cache") symlinkSync(join(root, "node_modules", name), join(copy, "node_modules", name));
  mkdirSync(join(copy, "inv"));
  writeFileSync(join(copy, "inv/hosts.yml"), "nats:\n  hosts:\n    n1: { address: 127.0.0.1 }\n");
  const conf = join(copy, "roles/cluster-config/templates/nats-server.conf.mustache");
  const text = readFileSync(conf, "utf8"),
    line = text.split("\n").findIndex((l) => l.startsWith("max_payload")) + 1;
  for (const [what, wrong, told] of [
    ["an unknown variable", "max_payload: {{max_paylod}}", "the template asks for {{max_paylod}}, which its view doesn't have; add it in the role's tasks.mts"],
    ["a mapping for a text", "max_payload: {{jetstream}}", "{{jetstream}} is no text or number; give its text in the role's tasks.mts"],
    ["a partial", "{{> other}}", "{{> other}} is a partial, and there are none here; write its text into the template"],
    ["a section without its end", "{{#pooling}}", 'Unclosed section "pooling"; correct the template'],
    ["a tag without its end", "max_payload: {{max_payload", "Unclosed tag; correct the template"],
  ] as const) {
    t.test(what, async (t) => {
      writeFileSync(conf, text.replace(/^max_payload:.*$/m, wrong.replaceAll("$", "$$$$")));
      const { status, stdout, stderr } = spawnSync(join(copy, "playbooks/site.mts"), ["-i", "inv"], { cwd: copy, encoding: "utf8" });
      t.equal(status, 3);
      t.equal(stdout, "", "no run was begun");
      t.match(stderr, new RegExp(`^\\S*nats-server\\.conf\\.mustache:\\d+: ${told.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}\\n$`));
      if (!what.endsWith("end")) t.match(stderr, `mustache:${line}: `);
    });
  }
});
