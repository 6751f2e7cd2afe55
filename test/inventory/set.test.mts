import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync } from "node:fs";
import { join, relative } from "node:path";
import t from "tap";
import { changesFor, write } from "../../lib/inventory/set.mts";
import { UsageError } from "../../lib/inventory/types.mts";
import { loadInventory } from "../../roles/inventory.mts";
import { type Files, generate, HOSTS, withInventory } from "./fixture.mts";

const WANTED = "2.15.1";
const inside = (dir: string, text: string): string => text.replaceAll(relative(process.cwd(), dir), "inv").replaceAll(dir, "inv");

/** Sets it, and says what was said; the folder is handed over afterwards. */
function set(files: Files, after: (dir: string, says: string[]) => void, extraVars: string[] = []): void {
  withInventory({ "hosts.yml": HOSTS, ...files }, (dir) => {
    const changes = changesFor(loadInventory(dir, { generate, extraVars }), "nats_version", WANTED);
    write(changes);
    for (const host of loadInventory(dir, { generate }).hosts)
      if (host.vars.nats_version !== WANTED) throw new Error(`${host.name} has ${host.vars.nats_version}`);
    after(
      dir,
      changes.flatMap((c) => c.says).map((s) => inside(dir, s)),
    );
  });
}
const read = (dir: string, file: string): string => readFileSync(join(dir, file), "utf8");

for (const [what, before, after] of [
  ["plain, with a comment", "# ours\nnats_version: 2.10.27   # since May\nport: 4222\n", "# ours\nnats_version: 2.15.1   # since May\nport: 4222\n"],
  ["in double quotes", 'nats_version: "2.10.27"\n', 'nats_version: "2.15.1"\n'],
  ["in single quotes", "nats_version: '2.10.27' # x\n", "nats_version: '2.15.1' # x\n"],
  ["in a flow mapping", "{ nats_version: 2.10.27, port: 4222 }\n", "{ nats_version: 2.15.1, port: 4222 }\n"],
  ["with a v", "nats_version: v2.10.27\n", "nats_version: 2.15.1\n"],
  ["lines of DOS, no end of line", "port: 4222\r\nnats_version: 2.10.27", "port: 4222\r\nnats_version: 2.15.1"],
  ["with a byte order mark", "\uFEFFnats_version: 2.10.27\n", "\uFEFFnats_version: 2.15.1\n"],
  ["on a line of its own", "nats_version:\n  2.10.27\n", "nats_version:\n  2.15.1\n"],
] as const) {
  t.test(`${what}: nothing else of the file changes`, async (t) =>
    set({ "group_vars/all.yml": before }, (dir) => t.equal(read(dir, "group_vars/all.yml"), after)),
  );
}

t.test("it says where, by line", async (t) =>
  set({ "group_vars/nats.yml": "port: 4222\nnats_version: 2.10.27\n" }, (_, says) => {
    t.strictSame(says, ["inv/group_vars/nats.yml:2: nats_version 2.10.27 → 2.15.1"]);
  }),
);

t.test("in several places: all that count; what is overridden stays", async (t) =>
  set(
    {
      "hosts.yml":
        "nats:\n  vars: { nats_version: 2.10.27 }\n  hosts:\n    n1: { address: 10.0.0.1, nats_version: 2.12.0 }\n    n2: { address: 10.0.0.2 }\n    n3: { address: 10.0.0.3 }\n",
      "host_vars/n3.yml": "nats_version: 2.14.0\n",
      "group_vars/all.yml": "nats_version: 2.11.9\n",
    },
    (dir, says) => {
      t.equal(says.length, 3);
      t.match(
        read(dir, "hosts.yml"),
        /vars: \{ nats_version: 2\.10\.27 \}[^]*10\.0\.0\.1, nats_version: 2\.15\.1 \}/,
        "group_vars lie above the groups of hosts.yml, and the host above both",
      );
      t.equal(read(dir, "host_vars/n3.yml"), "nats_version: 2.15.1\n");
      t.equal(read(dir, "group_vars/all.yml"), "nats_version: 2.15.1\n");
    },
  ),
);

t.test("two on one line", async (t) =>
  set(
    {
      "hosts.yml":
        "nats: { hosts: { n1: { address: 10.0.0.1, nats_version: 2.9.1000 }, n2: { address: 10.0.0.2, nats_version: 2.10.27 } }, vars: { nats_version: 2.10.28, allow_vulnerable_version: true } }\n",
    },
    (dir) => {
      t.match(read(dir, "hosts.yml"), /10\.0\.0\.1, nats_version: 2\.15\.1 \}, n2: \{ address: 10\.0\.0\.2, nats_version: 2\.15\.1 \}/);
    },
  ),
);

t.test("where nobody wrote it, group_vars/all gets it, made or added to", async (t) => {
  // 2.15.1 is also the default, so what is asked for is another.
  const wanted = "2.14.0";
  const to = (files: Files, file: string, text: string, prepare = (_: string): void => {}): void =>
    withInventory({ "hosts.yml": HOSTS, ...files }, (dir) => {
      prepare(dir);
      write(changesFor(loadInventory(dir, { generate }), "nats_version", wanted));
      t.equal(read(dir, file), text);
      t.equal(loadInventory(dir, { generate }).hosts[0]!.vars.nats_version, wanted);
    });
  to({}, "group_vars/all.yml", "nats_version: 2.14.0\n");
  to({ "group_vars/all.yml": "port: 4333" }, "group_vars/all.yml", "port: 4333\nnats_version: 2.14.0\n");
  to({ "group_vars/all.yaml": "port: 4333\n" }, "group_vars/all.yaml", "port: 4333\nnats_version: 2.14.0\n");
  to({}, "group_vars/all/zz-set-by-sampan.yml", "nats_version: 2.14.0\n", (dir) => mkdirSync(join(dir, "group_vars/all"), { recursive: true }));
});

t.test("what says so already isn't written", async (t) => set({ "group_vars/all.yml": "nats_version: 2.15.1\n" }, (_, says) => t.strictSame(says, [])));

t.test("a link stays a link, rights stay, and nothing is left beside", async (t) =>
  withInventory({ "hosts.yml": HOSTS, "group_vars/real": "nats_version: 2.10.27\n" }, (dir) => {
    renameSync(join(dir, "group_vars/real"), join(dir, "shared"));
    symlinkSync("../shared", join(dir, "group_vars/all.yml"));
    write(changesFor(loadInventory(dir, { generate }), "nats_version", WANTED));
    t.ok(lstatSync(join(dir, "group_vars/all.yml")).isSymbolicLink());
    t.equal(read(dir, "shared"), "nats_version: 2.15.1\n");
    t.equal(statSync(join(dir, "shared")).mode & 0o777, 0o600);
    t.strictSame(readdirSync(dir).sort(), ["group_vars", "hosts.yml", "shared"]);
  }),
);

t.test("what can't be written there is told, and nothing is written", async (t) => {
  const fault = (files: Files, extraVars: string[] = []): string =>
    withInventory({ "hosts.yml": HOSTS, ...files }, (dir) => {
      try {
        changesFor(loadInventory(dir, { generate, extraVars }), "nats_version", WANTED);
      } catch (error) {
        if (error instanceof UsageError) return inside(dir, error.lines.join("\n"));
        throw error;
      }
      return "";
    });
  t.equal(
    fault({ "group_vars/all.yml": "nats_version: ${V}\n", ".env": "V=2.10.27\n" }),
    "inv/group_vars/all.yml:1:15: nats_version is ${V}; give that variable the value 2.15.1 where it is set (.env), and run again",
  );
  t.equal(fault({}, ["nats_version=2.10.27"]), "nats_version is given by -e nats_version=2.10.27; leave that out");
  const folder = t.testdir({ "old.yml": "nats_version: 2.10.27\n" });
  t.match(fault({}, [`@${folder}/old.yml`]), /^nats_version is given by \S+\/old\.yml; leave that out$/);
  t.match(
    fault({ "group_vars/all.yml": "nats_version: >-\n  2.10.27\n" }),
    /^inv\/group_vars\/all\.yml:1:15: "2\.10\.27" isn't written here as a word of its own; write 2\.15\.1 there yourself, and run again$/,
  );
  t.match(
    fault({ "group_vars/all.yml": "{ port: 4333 }\n", "host_vars/n1.yml": "nats_version: 2.10.27\n" }),
    /all\.yml: nats_version: 2\.15\.1 can't be written there; write it yourself/,
  );
});

t.test("a file that can't be replaced is told", async (t) =>
  withInventory({ "hosts.yml": HOSTS }, (dir) => {
    const file = join(dir, "gone/all.yml");
    t.throws(() => write([{ file: join(dir, "hosts.yml/all.yml"), says: [], before: "", after: "x" }]));
    t.notOk(existsSync(file));
  }),
);
