import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nkeys } from "nats";
import t from "tap";
import { binaryPattern } from "../../lib/lab/binaries.mts";
import type { Lab } from "../../lib/lab/lab.mts";
import { uplink } from "../../lib/lab/region.mts";
import { quote } from "../../lib/sh.mts";
import { account } from "../hosts/accounts.mts";
import { root, skip, testLab } from "../lab/fixture.mts";
import { exits, Result } from "../support/result.mts";
import { Site } from "../support/site.mts";

t.setTimeout(900_000);

const BRIEF = ["-e", "verify.rate=500", "-e", "verify.seconds=1", "-e", "verify.thresholds.push.rate=1", "-e", "verify.thresholds.pull.rate=1", "-e", "verify.thresholds.route_rtt=10s",
  ...["push", "pull"].flatMap((way) => ["p50", "p99", "p999"].flatMap((p) => ["-e", `verify.thresholds.${way}.${p}=60s`]))]; // biome-ignore format: words

const PLAYBOOK = join(root, "playbooks/region.mts");

async function region(...args: string[]): Promise<Result> {
  const child = spawn(PLAYBOOK, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  const out = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) child[stream].setEncoding("utf8").on("data", (d: string) => (out[stream] += d));
  const [status, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return new Result(status, signal, out.stdout, out.stderr);
}

/** The same at a terminal: each answer is typed when its question is there. What the screen shows is stdout. */
async function typed(answers: readonly (readonly [question: string, answer: string])[], ...args: string[]): Promise<Result> {
  const child = spawn("script", ["-qec", [PLAYBOOK, ...args].map(quote).join(" "), "/dev/null"], { cwd: root, stdio: ["pipe", "pipe", "inherit"] });
  const due = [...answers];
  let screen = "",
    read = 0;
  child.stdout.setEncoding("utf8").on("data", (d: string) => {
    screen += d;
    const at = due[0] ? screen.indexOf(due[0][0], read) : -1;
    if (at < 0) return;
    read = screen.length;
    child.stdin.write(due.shift()![1]);
  });
  const [status, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return new Result(status, signal, screen, "");
}

/** Hosts of two regions hear each other through this machine; what is set for that goes with the regions' cables. */
async function routed(...labs: Lab[]): Promise<void> {
  const all = await Promise.all(labs.map((l) => l.status()));
  const octets = all.map((s) => Number(s.gateway!.split(".")[2]));
  for (const octet of octets) writeFileSync(`/proc/sys/net/ipv4/conf/${uplink(octet)}/forwarding`, "1");
  for (const [i, lab] of labs.entries())
    for (const { name } of all[i]!.hosts)
      for (const octet of octets) if (octet !== octets[i]) await lab.exec(name, ["ip", "route", "replace", `198.18.${octet}.0/24`, "via", all[i]!.gateway!]);
}

t.test("two regions, made by region.mts, rolled out by swapping -i, linked, one lost and back", { skip }, async (t) => {
  const labs = { asia: testLab(t, "asia"), eu: testLab(t, "eu") };
  await Promise.all([labs.asia.down(), labs.eu.down()]);
  const up = { asia: await labs.asia.up({ nodes: 3 }), eu: await labs.eu.up({ nodes: 1 }) };
  await routed(labs.asia, labs.eu);
  const dir = t.testdir({});
  const folder = (name: string): string => join(dir, name);
  const make = (name: "asia" | "eu", ...args: string[]): Promise<Result> =>
    region("new", folder(name), "--host", up[name].hosts.map((h) => h.address).join(","), "--key", join(up[name].inventory, "id_ed25519"), "--nats-file", binaryPattern(), ...args); // biome-ignore format: words
  const sites = { asia: new Site(labs.asia, folder("asia"), up.asia.hosts), eu: new Site(labs.eu, folder("eu"), up.eu.hosts) };
  t.teardown(() => Promise.all([sites.asia.end(), sites.eu.end()]));

  t.test("new: --check shows, and writes nothing; keys are taken only when that is asked for", async (t) => {
    const shown = await make("asia", "--accept-new-host-keys", "--check");
    t.equal(shown.status, 2, shown.stderr);
    for (const word of ["SHA256:", "debian 12", "store_dir: /var/lib/nats/jetstream", "name: nats-cluster-asia"]) t.match(shown.stdout, word);
    t.notMatch(shown.stdout, /SU[A-Z2-7]{56}|PRIVATE KEY/, "no secret is shown");
    const unasked = await make("asia");
    t.equal(unasked.status, 3);
    t.match(unasked.stderr, /add --accept-new-host-keys/);
    const wrongKey = await region(
      "new",
      folder("asia"),
      "--host",
      up.eu.hosts[0]!.address,
      "--key",
      join(up.asia.inventory, "id_ed25519"),
      "--accept-new-host-keys",
    );
    t.equal(wrongKey.status, 3);
    t.match(wrongKey.stderr, /^nats-node-1: .* refuses the login of user root/);
    t.same(readdirSync(dir), []);
  });

  // eu is reached through a host of asia, as a user whose sudo wants a password.
  const jump = `ops@${up.asia.hosts[0]!.address}`;
  const behind = [folder("eu"), "--host", up.eu.hosts[0]!.address, "--key", join(up.eu.inventory, "id_ed25519"), "--nats-file", binaryPattern(), "--nats-version", "2.10.27", "--user", "pat", "--jump", jump]; // biome-ignore format: words
  await labs.eu.exec("nats-node-1", ["sh", "-c", account("pat", { password: "secret word" })]);
  const { stdout: key } = spawnSync("ssh-keygen", ["-y", "-f", join(up.eu.inventory, "id_ed25519")], { encoding: "utf8" });
  await labs.asia.exec("nats-node-1", ["sh", "-c", "cat >>~ops/.ssh/authorized_keys"], { input: key });

  t.test("new: at the password one may leave, and nothing is left; without a terminal it says what to do", async (t) => {
    const left = await typed([["these the hosts' keys?", "y\n"], ["sudo password:", "\x03"]], "new", ...behind, "-K"); // biome-ignore format: one line
    t.equal(left.status, 130, left.stdout);
    t.match(left.stdout, /left; nothing was done/);
    t.notMatch(left.stdout, /Warning/);
    const unasked = await region("new", ...behind, "--accept-new-host-keys");
    t.equal(unasked.status, 3);
    t.match(unasked.stderr, /^nats-node-1: sudo on \S+ asks for a password; run again with --ask-become-pass/);
    t.same(readdirSync(dir), []);
  });

  t.test("new: all of it", async (t) => {
    for (const name of ["asia", "eu"] as const) {
      const made =
        name === "asia"
          ? await make(name, "--accept-new-host-keys")
          : await typed([["these the hosts' keys?", "y\n"], ["sudo password:", "secret word\n"]], "new", ...behind); // biome-ignore format: one line
      t.equal(made.status, 0, made.told);
      t.match(made.stdout, name === "asia" ? /site\.mts -i \S+asia\n/ : /site\.mts -i \S+eu -K\r\n/);
      t.notMatch(made.stdout, /secret word/);
      t.equal(statSync(join(folder(name), ".env")).mode & 0o777, 0o600);
      t.equal(statSync(join(folder(name), "pki/ca.key")).mode & 0o777, 0o600);
      t.match(readFileSync(join(folder(name), ".gitignore"), "utf8"), /^\.env$/m);
    }
    t.same(readdirSync(dir).sort(), ["asia", "eu"], "nothing lies beside them");
    t.match(readFileSync(join(folder("eu"), "known_hosts"), "utf8"), new RegExp(`^${up.asia.hosts[0]!.address} `, "m"), "the jump host's key too");
    appendFileSync(join(folder("eu"), "group_vars/all.yml"), 'become_password: "${PAT_PASSWORD}"\n');
    appendFileSync(join(folder("eu"), ".env"), 'PAT_PASSWORD="secret word"\n');
    const taken = await make("eu", "--accept-new-host-keys");
    t.equal(taken.status, 3);
    t.match(taken.stderr, /is there already, and a region is never overwritten/);
  });

  t.test("check: nothing differs; then what differs is told, exit 2", async (t) => {
    t.equal((await region("check", folder("eu"))).status, 0);
    const probed = join(folder("eu"), "probed.json");
    const [text, known] = [readFileSync(probed, "utf8"), readFileSync(join(folder("eu"), "known_hosts"), "utf8")];
    writeFileSync(probed, text.replace(/"cpus": \d+/, '"cpus": 96').replace('"debian 12"', '"debian 11"'));
    const differs = await region("check", folder("eu"));
    t.equal(differs.status, 2);
    t.match(differs.stdout, /CPUs +96 +\d+\n/);
    t.match(differs.stdout, /system +debian 11 +debian 12/);
    writeFileSync(probed, text);
    copyFileSync(join(folder("asia"), "known_hosts"), join(folder("eu"), "known_hosts"));
    const unknown = await region("check", folder("eu"));
    t.equal(unknown.status, 2);
    t.match(unknown.stdout, /host key +not in known_hosts +SHA256:/);
    writeFileSync(join(folder("eu"), "known_hosts"), known);
  });

  const vars = (name: string, yaml: string): void => {
    mkdirSync(join(folder(name), "group_vars/nats"), { recursive: true });
    writeFileSync(join(folder(name), "group_vars/nats/streams.yml"), `lame_duck_grace_period: 1s\n${yaml}`);
  };
  const LOGS = (replicas: number, more = ""): string => `streams:\n  - { name: LOGS, subjects: ["logs.>"], num_replicas: ${replicas} }\n${more}`;

  t.test("the same command for both, -i swapped: each has its own streams", async (t) => {
    vars("asia", LOGS(3));
    vars("eu", LOGS(1));
    for (const name of ["asia", "eu"] as const) exits(t, await sites[name].run(...BRIEF), 0);
    t.match(await sites.eu.sh("nats-node-1", "journalctl -o cat -t sshd"), `Accepted publickey for pat from ${up.asia.hosts[0]!.address}`);
    const nc = await sites.asia.app(t);
    const { jetstream } = await import("@nats-io/jetstream");
    for (let i = 0; i < 200; i++) await jetstream(nc).publish("logs.before", `${i}`);
    const there = await sites.eu.app(t);
    for (let i = 0; i < 50; i++) await jetstream(there).publish("logs.before", `${i}`);
  });

  const copies = async (): Promise<{ messages: number; origin: number }> => {
    const [eu, asia] = [await sites.eu.state(), await sites.asia.state()];
    const stream = (s: typeof eu, name: string): number => s.streams.find((one) => one.name === name)?.copies[0]?.lastSeq ?? -1;
    return { messages: stream(eu, "ASIA_LOGS"), origin: stream(asia, "LOGS") };
  };

  t.test("linked while both hold streams: nothing is lost or mixed, the copy is whole; mutual TLS, and nothing but the copy gets through", async (t) => {
    const seed = `ASIA_EU_SEED=${new TextDecoder().decode(nkeys.createUser().getSeed())}\n`;
    for (const name of ["asia", "eu"]) appendFileSync(join(folder(name), ".env"), seed);
    vars("asia", LOGS(3, 'regions:\n  - { name: eu, ca: ../eu/pki/ca.crt, nkey_seed: "${ASIA_EU_SEED}", streams: [LOGS] }\n'));
    const addresses = up.asia.hosts.map((h) => h.address).join(", ");
    vars(
      "eu",
      LOGS(
        1,
        `  - { name: ASIA_LOGS, num_replicas: 1, mirror: { name: LOGS, region: asia } }\nregions:\n  - { name: asia, ca: ../asia/pki/ca.crt, nkey_seed: "\${ASIA_EU_SEED}", addresses: [${addresses}] }\n`,
      ),
    );
    for (const name of ["asia", "eu"] as const) {
      const run = await sites[name].run(...BRIEF);
      exits(t, run, 0);
      t.notMatch(run.stdout, /SU[A-Z2-7]{56}/, "the seed is nowhere in the events");
      t.equal(run.ends("changed").filter((e) => e.task.includes("reload or restart")).length, up[name].hosts.length, "a roll, one node after another");
    }
    t.same(await copies(), { messages: 200, origin: 200 });
    t.equal((await sites.eu.state()).streams.find((s) => s.name === "LOGS")!.copies[0]!.lastSeq, 50, "the namesake there is as it was");
    for (const name of ["asia", "eu"] as const) exits(t, await sites[name].run("--check", ...BRIEF), 0);
    t.match(await sites.asia.sh("nats-node-1", "stat -c %a:%U:%G /etc/nats/regions.conf"), "640:root:nats");

    // What is published here isn't heard there, in whatever direction.
    const [here, there] = [await sites.asia.app(t), await sites.eu.app(t)];
    const heard: string[] = [];
    for (const nc of [here, there])
      nc.subscribe("outside.>", {
        callback: (_, { subject }) => {
          heard.push(subject);
        },
      });
    await Promise.all([here.flush(), there.flush()]);
    here.publish("outside.asia");
    there.publish("outside.eu");
    await Promise.all([here.flush(), there.flush()]);
    await new Promise((resolve) => setTimeout(resolve, 500));
    t.same(heard.sort(), ["outside.asia", "outside.eu"], "each only in its own region");
  });

  t.test("a region lost and back under load: the other serves on, and its copy catches up with no loss", async (t) => {
    const away = sites.asia.play("drill.mts", "--fault", "lose-region", "--hold", "10s", "--rate", "50", "--yes-i-mean-it", ...BRIEF);
    const nc = await sites.asia.app(t);
    const { jetstream } = await import("@nats-io/jetstream");
    let acknowledged = 0;
    const over = away.result.then((r) => ({ r }));
    for (let ended = false; !ended; ) {
      await jetstream(nc).publish("logs.drill", "x", { timeout: 2000 }).then(() => acknowledged++, () => {}); // biome-ignore format: short
      ended = await Promise.race([over.then(() => true), new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 20))]);
    }
    exits(t, (await over).r, 0);
    t.ok(acknowledged > 0);
    exits(t, await sites.eu.play("verify.mts", ...BRIEF).result, 0);
    const { messages, origin } = await copies();
    t.equal(messages, origin, "the copy has all that the origin has");
    t.ok(origin >= 200 + acknowledged, `${acknowledged} were acknowledged, and ${origin - 200} are there`);
  });

  t.test("while the other region is gone, verify says what is behind it", async (t) => {
    await sites.asia.everywhere("systemctl kill -s KILL nats-server; systemctl stop nats-server");
    const run = await sites.eu.play("verify.mts", "--check", ...BRIEF).result;
    exits(t, run, 1);
    t.match(run.ends("failed").map((e) => e.failure?.what), [/nats-node-1 has no connection to it/]); // biome-ignore format: short
    t.ok(run.ends("ok").some((e) => e.task.startsWith("stream")) || run.ends("ok").length > 10, "the rest is well");
  });
});
