import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { TYPICAL } from "../../../lib/engine/facts.mts";
import { disksOf } from "../../../lib/resources/disks.mts";
import { filesOf } from "../../../roles/region/files.mts";
import { hostsOf, newRegion, variableOf } from "../../../roles/region/options.mts";
import { propose, seen } from "../../../roles/region/proposal.mts";
import { root } from "../../lab/fixture.mts";

const region = (cwd: string, ...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(join(root, "playbooks/region.mts"), args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  return { status, stdout, lines: stderr.split("\n").filter(Boolean) };
};

t.test("what is wrong is told in one clear line each, status 3, and nothing is written", async (t) => {
  const dir = t.testdir({ inventory: { hk: { "hosts.yml": "nats:\n  hosts:\n    a:\n" }, file: "" } });
  const cases: [args: string[], ...lines: RegExp[]][] = [
    [[], /^say what to do: region\.mts new NAME/],
    [["nwe", "sg"], /^"nwe" is none of new, check/],
    [["new"], /needs the region's NAME/],
    [["new", "sg"], /^--host: none is given/],
    [["new", "sg", "more", "--host", "a"], /^unexpected argument "more"; hosts are given by --host/],
    [["new", "s g", "--host", "a"], /^"s g" can't be a region's name/],
    [["new", "hk", "--host", "10.0.0.1"], /^inventory\/hk is there already, and a region is never overwritten/],
    [["new", "file", "--host", "10.0.0.1"], /^inventory\/file is a file/],
    [["new", "sg", "--hots", "a"], /^there is no flag --hots; did you mean "--host"\?/],
    [["new", "sg", "--host"], /^Option '--host <value>' argument missing; see --help/],
    [["new", "sg", "--host", "10.0.0.1,10.0.0.999"], /^--host: "10\.0\.0\.999" is not an address/],
    [["new", "sg", "--host", "10.0.0.1", "--host", "b=10.0.0.1"], /^--host: nats-node-1 and b have the same address 10\.0\.0\.1/],
    [["new", "sg", "--host", "a=10.0.0.1,a=10.0.0.2"], /^--host: two hosts are called a;/],
    [["new", "sg", "--host", "a-b=10.0.0.1,a.b=10.0.0.2"], /^--host: two hosts are called a-b and a\.b, which is the same in \.env/],
    [
      ["new", "sg", "--host", "x y/z", "--port", "0", "--nats-version", "2.15", "--cluster-name", "a b"],
      /^--host: "y\/z" is not an address/,
      /^--port: "0" is not a port/,
      /^--nats-version: "2\.15" is not a version/,
      /^--cluster-name: "a b" is not a cluster name/,
    ],
    [["new", "sg", "--host", "host.invalid", "--accept-new-host-keys"], /^nats-node-1: the name host\.invalid can't be resolved/, /^nothing was written$/],
    [["check", "hk", "--user", "root"], /^--user goes with new/],
    [["check", "nowhere"], /nowhere: no such folder/],
  ];
  for (const [args, ...expected] of cases)
    t.test(args.join(" ") || "nothing", async (t) => {
      const { status, lines } = region(dir, ...args);
      t.equal(status, 3);
      t.equal(lines.length, expected.length, lines.join("\n"));
      expected.forEach((pattern, i) => t.match(lines[i], pattern));
      t.same(readdirSync(join(dir, "inventory")).sort(), ["file", "hk"]);
    });
});

t.test("--help tells flags, examples and exit statuses", async (t) => {
  const { status, stdout } = region(root, "--help");
  t.equal(status, 0);
  for (const word of ["new NAME", "check NAME", "--accept-new-host-keys", "--jump", "Exit status"]) t.match(stdout, word);
});

t.test("hosts as people write them", async (t) => {
  t.same(hostsOf(["10.0.0.1, 10.0.0.2", "c=fe80::1"]), [
    { name: "nats-node-1", address: "10.0.0.1" },
    { name: "nats-node-2", address: "10.0.0.2" },
    { name: "c", address: "fe80::1" },
  ]);
  t.equal(variableOf("nats-node-1"), "NATS_NODE_1_ADDRESS");
  t.equal(variableOf("7.sg"), "_7_SG_ADDRESS");
});

const disk = (mounted: string, blank = "") => disksOf(new Map([["mounted", mounted], ["blank", blank]])); // biome-ignore format: a table
const GB = 1024 * 1024;

t.test("what a host's size suggests", async (t) => {
  const eight = propose(
    TYPICAL,
    disk(
      `/dev/sda1 ${50 * GB} ${40 * GB} 1 /\n/dev/sdb1 ${900 * GB} ${890 * GB} 1 /srv\n/dev/nvme0n1 ${200 * GB} ${199 * GB} 0 /data\nnas:/x ${999 * GB} ${999 * GB} - /nas`,
      `/dev/nvme1n1 ${100 * GB} 0 0`,
    ),
  );
  t.match(eight, { storeDir: "/data/nats/jetstream", cpus: "2-7", isolates: true, maxMem: "2GB", maxFile: "159GB" }, "an SSD before a larger disk that spins");
  t.match(eight.notes.join("\n"), /\/dev\/nvme1n1 .* is unused/);
  const small = propose({ ...TYPICAL, cpus: [0, 1], memoryBytes: 1e9 }, disk(`/dev/sda1 ${50 * GB} ${40 * GB} 0 /`));
  t.match(small, { storeDir: "/var/lib/nats/jetstream", cpus: "", isolates: false, maxMem: "128MB" });
  t.match(small.notes.join("\n"), /a disk for it alone is better/);
  t.match(propose({ ...TYPICAL, kernelConfig: undefined }, []), { cpus: "2-7", isolates: false });
  t.match(propose({ ...TYPICAL, cpus: [0, 1, 4, 5] }, []), { cpus: "" }, "numbers with gaps: nothing is guessed");
  t.match(propose({ ...TYPICAL, container: "lxc" }, disk(`/dev/sdb1 ${900 * GB} ${890 * GB} 0 /data`)), { cpus: "", storeDir: "/var/lib/nats/jetstream" });
  t.same(seen(TYPICAL, disk(`/dev/sda1 ${GB} ${GB} 0 /`)).disks, { "/dev/sda1 /": 2 ** 30 });
});

t.test("a host that differs gets its own file; the texts of a region load as they are", async (t) => {
  const wanted = newRegion({ host: ["10.0.0.1,10.0.0.2,10.0.0.3"], user: "ops", port: "2222", jump: "me@bastion:22" }, "sg");
  const alike = propose(TYPICAL, []);
  const files = filesOf("sg", wanted, new Map([["nats-node-1", alike], ["nats-node-2", alike], ["nats-node-3", { ...alike, maxMem: "1GB" }]])); // biome-ignore format: a table
  t.ok(files.has("host_vars/nats-node-3.yml"));
  t.notOk(files.has("host_vars/nats-node-2.yml"));
  const { loadInventory } = await import("../../../roles/inventory.mts");
  const dir = t.testdir({});
  const at = join(dir, "sg");
  for (const [path, text] of files) {
    mkdirSync(join(at, path, ".."), { recursive: true });
    writeFileSync(join(at, path), text);
  }
  writeFileSync(join(at, ".env"), [1, 2, 3].map((i) => `NATS_NODE_${i}_ADDRESS=10.0.0.${i}\n`).join(""), { mode: 0o600 });
  const inventory = loadInventory(at, { generate: (missing) => Object.fromEntries(missing.map(({ name }) => [name, `SU${"A".repeat(56)}`])) });
  t.same(inventory.warnings, []);
  t.match(inventory.hosts[2], { connection: { address: "10.0.0.3", user: "ops", port: 2222, proxy_jump: "me@bastion:22", become: true } });
  t.match(inventory.hosts[2]!.vars, { jetstream: { max_mem: "1GB" }, cpus: "2-7", cluster: { name: "nats-cluster-sg" } });
});
