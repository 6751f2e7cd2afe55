import { spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { inventoryDir } from "../../../lib/lab/paths.mts";
import { root, skip, testLab } from "../../lab/fixture.mts";
import { openssl } from "./fixture.mts";

t.setTimeout(600_000);

/** A playbook as a user starts it. */
function site(...args: string[]): Promise<{ status: number | null; text: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["--import", "tsx", join(root, "playbooks/site.mts"), ...args], {
      cwd: root,
      env: { ...process.env, NO_COLOR: "1" },
    });
    let text = "";
    for (const out of [child.stdout, child.stderr])
      out.on("data", (data: Buffer) => {
        text += data.toString();
      });
    child.on("close", (status) => resolve({ status, text }));
  });
}

/** A CA and a certificate for each of some hosts, by openssl: NAME.crt, NAME.key, ca.crt. */
function authority(t: Test, hosts: Record<string, string>): string {
  const dir = mkdtempSync(join(tmpdir(), "sampan-own-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const at = (name: string): string => join(dir, name);
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...ec, "-keyout", at("ca.key"), "-out", at("ca.crt"), "-days", "3650", "-subj", "/CN=the company's CA");
  for (const [name, address] of Object.entries(hosts)) {
    writeFileSync(at("ext"), `subjectAltName=IP:${address}\nextendedKeyUsage=serverAuth,clientAuth\n`);
    openssl("req", ...ec, "-keyout", at(`${name}.key`), "-out", at(`${name}.csr`), "-subj", `/CN=${name}`);
    openssl(
      "x509",
      "-req",
      "-in",
      at(`${name}.csr`),
      "-CA",
      at("ca.crt"),
      "-CAkey",
      at("ca.key"),
      "-CAcreateserial",
      "-days",
      "365",
      "-extfile",
      at("ext"),
      "-out",
      at(`${name}.crt`),
    );
  }
  return dir;
}
const tls = (dir: string, own: Partial<Record<"ca" | "cert" | "key", string>> = {}): string[] => [
  "-e",
  `tls={ca: ${own.ca ?? `${dir}/ca.crt`}, cert: "${own.cert ?? `${dir}/{host}.crt`}", key: "${own.key ?? `${dir}/{host}.key`}"}`,
];

t.test("on two hosts", { skip }, async (t) => {
  const lab = testLab(t, "conf");
  const { hosts } = await lab.up({ nodes: 2 });
  const inventory = inventoryDir(lab.region);
  const on = async (script: string, host = "nats-node-1"): Promise<string> => (await lab.exec(host, ["sh", "-c", script])).stdout.trim();
  const roles = ["-i", inventory, "--role", "nats-install", "--role", "cluster-config"];
  const dir = authority(t, Object.fromEntries(hosts.map((h) => [h.name, h.address])));
  const stranger = authority(t, Object.fromEntries(hosts.map((h) => [h.name, "192.0.2.1"])));
  const OWN = [...tls(dir), "-e", "cpus='0'", "-e", "jetstream.store_dir=/data/nats/js"];

  t.test("certificates that can't work are refused before any host is connected", async (t) => {
    const wrong: [what: string, args: string[], line: RegExp][] = [
      ["another key", tls(dir, { key: `${stranger}/{host}.key` }), /nats-node-1\.key: isn't the key of .*nats-node-1\.crt/],
      ["another CA", tls(dir, { ca: `${stranger}/ca.crt` }), /nats-node-2\.crt: doesn't lead to .*ca\.crt/],
      ["another address", tls(stranger), /isn't for nats-node-1's address 198\.18\./],
      ["no such file", tls(dir, { cert: "missing/{host}.crt" }), /missing\/nats-node-1\.crt/],
    ];
    for (const [what, args, line] of wrong) {
      const { status, text } = await site(...roles, ...args, "-e", "ssh.port=1");
      t.equal(status, 3, what);
      t.match(text, line, what);
      t.notMatch(text, /Connection refused|unreachable|at .*\.mts:\d+/, what);
    }
    t.equal(await on("ls /var/log/sampan 2>/dev/null; ls /run/sampan 2>/dev/null"), "");
  });

  t.test("a rollout with certificates of one's own", async (t) => {
    const { status, text } = await site(...roles, ...OWN);
    t.equal(status, 0, text);
    const served = await on(`openssl s_client -connect ${hosts[0]!.address}:4222 </dev/null 2>/dev/null; cat /etc/nats/tls/server.crt`);
    t.match(new X509Certificate(/-----BEGIN[\s\S]*?END CERTIFICATE-----/.exec(served)![0]).issuer, "the company's CA");
    for (const { name } of hosts) t.match(await on("cat /etc/nats/nats-server.conf", name), /verify: true/);
  });

  t.test("they hold: a second run changes nothing", async (t) => {
    const { status, text } = await site(...roles, ...OWN, "--check");
    t.equal(status, 0, text);
  });

  t.test("the unit", async (t) => {
    const pid = await on("systemctl show -P MainPID nats-server");
    t.test("is one that systemd has nothing to say about", async (t) =>
      t.equal(await on("systemd-analyze verify /etc/systemd/system/nats-server.service 2>&1"), ""),
    );
    t.test("runs as nats, with no capability, hardened", async (t) => {
      t.equal(
        await on(`stat -c %U /proc/${pid}; grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/${pid}/status | tr -s '\\t ' ' '`),
        "nats\nCapEff: 0000000000000000\nNoNewPrivs: 1\nSeccomp: 2",
      );
      const exposure = await on("systemd-analyze security nats-server --no-pager | tail -1");
      t.ok(Number(/: ([\d.]+) /.exec(exposure)?.[1]) < 2, exposure);
    });
    t.test("may write its store and nothing else", async (t) => {
      const inside = (script: string) => on(`nsenter -t ${pid} -m -- sh -c '${script}' 2>&1`);
      t.equal(await inside("touch /data/nats/js/x && rm /data/nats/js/x && echo yes"), "yes");
      for (const path of ["/etc/nats/x", "/usr/x", "/var/lib/x", "/data/x", "/data/nats/x"]) t.match(await inside(`touch ${path}`), /Read-only/, path);
      t.equal(await inside("ls -A /home /root 2>/dev/null | grep -v :"), "");
      t.equal(await on("stat -c '%U %a' /data/nats/js"), "nats 750");
    });
    t.test("has the limits, the memory and the CPUs of the inventory", async (t) => {
      // a container may not have what these two ask for, so it's asked what systemd would give
      t.equal(await on("systemctl show -P LimitNOFILE -P OOMScoreAdjust nats-server"), "800000\n-500");
      const [limit, total] = (
        await on(`tr '\\0' '\\n' </proc/${pid}/environ | sed -n s/GOMEMLIMIT=//p; sed -n 's/MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo`)
      )
        .split("\n")
        .map(Number);
      t.equal(limit, Math.floor((total! * 1024 * 80) / 100));
      t.equal(await on(`sed -n 's/Cpus_allowed_list:\\t//p' /proc/${pid}/status`), "0");
    });
    t.test("its files are nobody else's", async (t) => {
      t.equal(
        await on("cd /etc/nats; stat -c '%n %a %U %G' nats-server.conf nats-server.env tls/server.key tls"),
        "nats-server.conf 640 root nats\nnats-server.env 640 root nats\ntls/server.key 640 root nats\ntls 750 root nats",
      );
    });
    t.test("comes back when it is killed", async (t) => {
      await on(`kill -KILL ${pid}; for i in $(seq 100); do sleep 0.2; [ "$(systemctl is-active nats-server)" = active ] && break; done`);
      t.equal(await on("systemctl is-active nats-server"), "active");
      t.not(await on("systemctl show -P MainPID nats-server"), pid);
    });
  });

  t.test("a reloadable option is reloaded, and nothing is due after it", async (t) => {
    const pids = async (): Promise<string[]> => Promise.all(hosts.map((h) => on("systemctl show -P MainPID nats-server", h.name)));
    const before = await pids();
    const { status, text } = await site(...roles, ...OWN, "-e", "max_payload=2MB");
    t.equal(status, 0, text);
    t.same(await pids(), before);
    t.match(await on("journalctl -u nats-server -o cat | grep -c 'Reloaded server configuration'"), /^[1-9]/);
    t.equal((await site(...roles, ...OWN, "-e", "max_payload=2MB", "--check")).status, 0);
  });

  t.test("an option for which the server must start again restarts it, as --check foresees", async (t) => {
    const change = ["-e", "max_payload=2MB", "-e", "jetstream.sync_interval=always", "-e", "gomemlimit=off"];
    const { status, text } = await site(...roles, ...OWN, ...change, "--check");
    t.equal(status, 2);
    t.match(text, /reload or restart nats-server/);
    const before = await on("systemctl show -P MainPID nats-server");
    const done = await site(...roles, ...OWN, ...change, "--all-at-once");
    t.equal(done.status, 0, done.text);
    const pid = await on("systemctl show -P MainPID nats-server");
    t.not(pid, before);
    t.notMatch(await on(`tr '\\0' '\\n' </proc/${pid}/environ`), "GOMEMLIMIT");
    t.equal((await site(...roles, ...OWN, ...change, "--check")).status, 0);
  });

  t.test("a store where the unit doesn't let the server in is refused by the inventory", async (t) => {
    for (const store of ["/home/nats/js", "/root/js"]) {
      const { status, text } = await site("-i", inventory, "-e", `jetstream.store_dir=${store}`, "--list-hosts");
      t.equal(status, 3);
      t.match(text, `jetstream.store_dir ${store} is under`);
    }
  });
});
