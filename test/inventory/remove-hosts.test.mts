import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { applyRemoval, planRemoval } from "../../lib/inventory/remove-hosts.mts";
import { UsageError } from "../../lib/inventory/types.mts";

function inventory(t: Test, hosts: string): string {
  const dir = mkdtempSync(join(tmpdir(), "sampan-remove-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(join(dir, "hosts.yml"), hosts);
  return dir;
}
/** hosts.yml after some hosts were taken out */
function after(t: Test, hosts: string, ...names: string[]): string {
  const dir = inventory(t, hosts);
  applyRemoval(planRemoval(dir, names));
  return readFileSync(join(dir, "hosts.yml"), "utf8");
}

t.test("a host goes with its variables; comments, order and spelling of all others stay", async (t) => {
  const text = `# the region
nats:
  hosts:
    # rack 1
    a:
      address: 10.0.0.1   # the old one
    b:   # its comment goes with it
      address: 10.0.0.2
      vars_of_its_own:
        - one

        - two

    # rack 2
    "c": { address: 10.0.0.3 }   # flow on one line
    d:
  vars: {  x:   1 }
`;
  t.equal(
    after(t, text, "b", "d"),
    `# the region
nats:
  hosts:
    # rack 1
    a:
      address: 10.0.0.1   # the old one

    # rack 2
    "c": { address: 10.0.0.3 }   # flow on one line
  vars: {  x:   1 }
`,
  );
  t.equal(after(t, text, "c").includes("10.0.0.3"), false);
});

t.test("in every group that names it, however deep, and without a newline at the end", async (t) => {
  const text = "all:\n  children:\n    nats:\n      hosts:\n        a:\n        b:\n    rack:\n      hosts:\n        b: {}\n        a:";
  t.equal(after(t, text, "b"), "all:\n  children:\n    nats:\n      hosts:\n        a:\n    rack:\n      hosts:\n        a:");
  t.equal(after(t, text, "a"), "all:\n  children:\n    nats:\n      hosts:\n        b:\n    rack:\n      hosts:\n        b: {}");
});

t.test("it says which lines go, and writes nothing before it is told to", async (t) => {
  const dir = inventory(t, "nats:\n  hosts:\n    a:\n    b:\n      address: x\n");
  t.strictSame([...planRemoval(dir, ["b"]).lines], [["b", [4, 5]]]);
  t.match(readFileSync(join(dir, "hosts.yml"), "utf8"), /b:/);
});

t.test("a host that shares its line is refused, in one line", async (t) => {
  const dir = inventory(t, "nats:\n  hosts: { a: {}, b: {} }\n");
  const error = await Promise.resolve()
    .then(() => planRemoval(dir, ["b"]))
    .catch((e: unknown) => e);
  t.ok(error instanceof UsageError);
  t.match((error as UsageError).lines, [/hosts\.yml:2: b shares its line with others.*write each host on lines of its own/]);
});

t.test("its host_vars are kept under a name that isn't read", async (t) => {
  const dir = inventory(t, "nats:\n  hosts:\n    a:\n    b:\n");
  mkdirSync(join(dir, "host_vars"));
  writeFileSync(join(dir, "host_vars/b.yml"), "port: 4333\n");
  applyRemoval(planRemoval(dir, ["b"]));
  t.equal(existsSync(join(dir, "host_vars/b.yml")), false);
  t.equal(readFileSync(join(dir, "host_vars/b.yml.bak"), "utf8"), "port: 4333\n");
});
