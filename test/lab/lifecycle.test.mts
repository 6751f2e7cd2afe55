import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { parse } from "yaml";
import { labSync, skip, testLab, traces } from "./fixture.mts";

t.setTimeout(600_000); // the first lab on a machine installs tools and builds the root system

t.test("a lab comes up, is useful, and goes", { skip }, async (t) => {
  const lab = testLab(t, "life");
  await lab.down();
  t.same(traces(lab.region), [], "nothing at first");

  const { hosts, inventory, gateway } = await lab.up({ nodes: 2 });
  t.same(
    hosts.map(({ name, up }) => [name, up]),
    [
      ["nats-node-1", true],
      ["nats-node-2", true],
    ],
  );

  t.test("the hosts are bare Debian servers", async (t) => {
    const script =
      ". /etc/os-release; echo $ID $VERSION_ID; hostname; systemctl is-system-running; for p in flock sudo python3 curl wget nats-server; do command -v $p; done";
    const { stdout } = await lab.exec("nats-node-1", ["sh", "-c", script]);
    t.same(stdout.trim().split("\n"), ["debian 12", "nats-node-1", "running", "/usr/bin/flock", "/usr/bin/sudo"]);
  });

  t.test("each has keys and an identity of its own", async (t) => {
    const ids = await Promise.all(
      hosts.map(async ({ name }) => (await lab.exec(name, ["sh", "-c", "cat /etc/machine-id /etc/ssh/ssh_host_*_key.pub"])).stdout),
    );
    t.equal(ids[0]?.split("\n").length, 3);
    t.notSame(ids[0]?.split("\n")[0], ids[1]?.split("\n")[0], "machine-id");
    t.notSame(ids[0]?.split("\n")[1]?.split(" ")[1], ids[1]?.split("\n")[1]?.split(" ")[1], "host key");
  });

  t.test("root and ops log in with the inventory's key, checked against its known_hosts", async (t) => {
    for (const [user, command, answer] of [
      ["root", "id -un", "root"],
      ["ops", "sudo -n id -un", "root"],
      ["ops", "id -un", "ops"],
    ] as const) {
      const { stdout, stderr } = spawnSync("ssh", ["-o", "BatchMode=yes", ...(await lab.sshArgs("nats-node-2", user)), command], { encoding: "utf8" });
      t.equal(stdout.trim(), answer, `${user}: ${command} ${stderr}`);
    }
  });

  t.test("the inventory says how to reach them", async (t) => {
    t.same(parse(readFileSync(join(inventory, "hosts.yml"), "utf8")), {
      nats: { hosts: Object.fromEntries(hosts.map(({ name, address }) => [name, { address }])) },
    });
    t.match(parse(readFileSync(join(inventory, "group_vars/all.yml"), "utf8")), {
      ssh: { user: "root", identity_file: "id_ed25519" },
      nats_version: "2.15.1",
      cluster: { name: `nats-cluster-lab-${lab.region}` },
      streams: [{ name: "LOGS", num_replicas: 1, consumers: [{ durable_name: "pull-worker", max_ack_pending: 50000 }] }],
    });
    t.equal(statSync(join(inventory, "id_ed25519")).mode & 0o777, 0o600);
    const { nats_source } = parse(readFileSync(join(inventory, "group_vars/all.yml"), "utf8")) as { nats_source: { file: string } };
    t.ok(existsSync(nats_source.file.replace("{version}", "2.15.1")));
  });

  t.test("a host reaches its peer and this machine", async (t) => {
    const peer = hosts[1]?.address ?? "";
    t.equal((await lab.exec("nats-node-1", ["timeout", "2", "bash", "-c", `</dev/tcp/${peer}/22`])).code, 0);
    t.match(await lab.exec("nats-node-1", ["ip", "route", "get", gateway ?? ""]), { code: 0 });
  });

  t.test("up again changes nothing, and keeps what others put into the inventory", async (t) => {
    const boot = async (): Promise<string> => (await lab.exec("nats-node-1", ["ps", "-o", "lstart=", "1"])).stdout;
    const booted = await boot();
    writeFileSync(join(inventory, ".env"), "A=1\n");
    mkdirSync(join(inventory, "pki"));
    t.equal((await lab.up()).hosts.length, 2, "as many hosts as there were");
    t.equal(await boot(), booted, "not restarted");
    t.ok(existsSync(join(inventory, ".env")) && existsSync(join(inventory, "pki")));
  });

  t.test("more hosts, fewer hosts", async (t) => {
    t.equal((await lab.up({ nodes: 3 })).hosts.length, 3);
    t.match(readFileSync(join(inventory, "group_vars/all.yml"), "utf8"), "num_replicas: 3");
    t.equal((await lab.up({ nodes: 1 })).hosts.length, 1);
    t.notMatch(traces(lab.region).join("\n"), "nats-node-3");
  });

  t.test("status and ssh tell by their exit status", async (t) => {
    t.match(labSync("status", "--region", lab.region), { status: 0, stdout: /nats-node-1 +198\.18\.\d+\.11 +up\n/ });
    t.match(labSync("ssh", "nats-node-1", "--region", lab.region, "--", "hostname; exit 7"), { status: 7, stdout: "nats-node-1\n" });
    t.match(labSync("ssh", "nats-node-9", "--region", lab.region), { status: 1, stderr: /^lab: no host "nats-node-9" in this lab; it has nats-node-1\n$/ });
    t.match(labSync("status", "--region", "t-nowhere"), { status: 1, stdout: "no lab is up\n" });
  });

  t.test("down leaves nothing", async (t) => {
    t.ok(traces(lab.region).length > 10, "the search finds what is there");
    t.match(labSync("down", "--region", lab.region), { status: 0 });
    t.same(traces(lab.region), []);
    t.match(labSync("down", "--region", lab.region), { status: 0 }, "down twice is fine");
  });
});
