import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { namesOf } from "../../lib/lab/region.mts";
import { skip, testLab } from "./fixture.mts";

t.setTimeout(600_000); // the first lab on a machine installs tools and builds the root system

const read = (file: string): string => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
};

t.test("faults", { skip }, async (t) => {
  const lab = testLab(t, "faults");
  const { hosts } = await lab.up({ nodes: 3 });
  const [a, b, c] = ["nats-node-1", "nats-node-2", "nats-node-3"] as const;
  const address = (name: string): string => hosts.find((host) => host.name === name)?.address ?? "";
  const reaches = async (from: string, to: string): Promise<boolean> =>
    (await lab.exec(from, ["timeout", "0.5", "bash", "-c", `</dev/tcp/${address(to)}/22`])).code === 0;
  const reachesSoon = async (from: string, to: string): Promise<boolean> => {
    for (let tries = 0; tries < 30; tries++) {
      if (await reaches(from, to)) return true;
      await sleep(100);
    }
    return false;
  };

  t.test("a partition cuts two hosts off from each other, and from nothing else", async (t) => {
    await lab.partition(a, b);
    t.same([await reaches(a, b), await reaches(b, a), await reaches(a, c), await reaches(b, c)], [false, false, true, true]);
    t.ok(
      (await lab.status()).hosts.every(({ up }) => up),
      "the controller reaches all",
    );
    await lab.partition(a, c);
    await lab.heal(b, a);
    t.same([await reaches(a, b), await reaches(a, c)], [true, false], "one is healed, the other stays");
    await lab.heal();
    t.ok(await reaches(a, c));
  });

  t.test("a link goes down and up", async (t) => {
    await lab.linkDown(a);
    t.notOk(await reaches(b, a));
    t.match(await lab.status(), { hosts: [{ up: false }, { up: true }, { up: true }] });
    t.equal((await lab.exec(a, ["hostname"])).stdout, `${a}\n`, "commands still get in");
    await lab.linkUp(a);
    t.ok(await reachesSoon(b, a));
  });

  t.test("a CPU quota holds for all processes of a host", async (t) => {
    // two busy loops for a second, and how much CPU time they got, in clock ticks of 10 ms
    const script =
      "for i in 1 2; do (while :; do :; done) & done; sleep 1; for p in $(jobs -p); do read -r stat </proc/$p/stat; set -- ${stat##*) }; echo $((${12} + ${13})); done; kill $(jobs -p)";
    const cpu = async (): Promise<number> =>
      (await lab.exec(a, ["bash", "-c", script])).stdout
        .trim()
        .split("\n")
        .reduce((sum, ticks) => sum + Number(ticks), 0);
    await lab.setCpuQuota(a, 10);
    const limited = await cpu();
    t.ok(limited > 0 && limited < 25, `10 %: ${limited} ticks in a second`);
    await lab.setCpuQuota(a, null);
    // How much it gets now depends on what else this machine does; the kernel counts whether it was held back.
    const throttled = (): string | undefined =>
      ["", "cpu", "cpu,cpuacct"]
        .map((hierarchy) => /^nr_throttled \d+/m.exec(read(`/sys/fs/cgroup/${hierarchy}/${namesOf(lab.region).cgroup(a)}/cpu.stat`))?.[0])
        .find((line) => line !== undefined);
    const before = throttled();
    t.match(before, /^nr_throttled [1-9]/);
    await cpu();
    t.equal(throttled(), before);
  });

  t.test("the CPU time of all processes of a host is counted, also of those that are gone", async (t) => {
    const before = await lab.cpuTime(a);
    await lab.exec(a, ["bash", "-c", "for ((i = 0; i < 300000; i++)); do :; done"]);
    const used = (await lab.cpuTime(a)) - before;
    t.ok(used > 100, `${used} ms for a loop of 300,000`);
  });

  t.test("a bandwidth holds in both directions, until it is taken away", async (t) => {
    // 4 MB over a line of 20 Mbit/s take 1.6 s, less what the bucket held before
    const bytes = 4_000_000;
    const ssh = async (command: string, input: Buffer): Promise<number> => {
      const started = performance.now();
      const { status, stdout } = spawnSync("ssh", [...(await lab.sshArgs(a)), command], { input, maxBuffer: 2 * bytes });
      t.equal(status, 0);
      t.equal(stdout.length + input.length, bytes);
      return (performance.now() - started) / 1000;
    };
    await lab.setBandwidth(a, 20);
    t.ok((await ssh(`head -c ${bytes} /dev/zero`, Buffer.alloc(0))) > 1.4, "from the host");
    t.ok((await ssh("cat >/dev/null", Buffer.alloc(bytes))) > 1.4, "to the host");
    await lab.setBandwidth(a, null);
    await lab.setBandwidth(a, null);
    t.notMatch((await lab.exec(a, ["tc", "qdisc", "show"])).stdout, "tbf");
  });

  t.test("the quota takes in services and what comes by SSH", async (t) => {
    await lab.exec(a, ["systemd-run", "--quiet", "sleep", "987"]);
    spawnSync("ssh", [...(await lab.sshArgs(a)), "setsid sleep 988 >/dev/null 2>&1 &"]);
    for (const seconds of ["987", "988"]) {
      const pid = readdirSync("/proc").find((entry) => /^\d+$/.test(entry) && read(`/proc/${entry}/cmdline`).endsWith(`sleep\0${seconds}\0`));
      t.match(read(`/proc/${pid}/cgroup`), new RegExp(`^(\\d+:cpu\\b.*|0:):/${namesOf(lab.region).cgroup(a)}/`, "m"));
    }
  });

  t.test("a power cut ends everything at once; the disk stays", async (t) => {
    await lab.exec(a, ["sh", "-c", "echo 1 >/root/file; systemd-run --quiet sleep 1000"]);
    await lab.powerCut(a);
    t.match(await lab.status(), { hosts: [{ up: false }, { up: true }, { up: true }] });
    await t.rejects(lab.exec(a, ["true"]), { message: `${a} is off`, fix: "boot it first" });
    await lab.boot(a);
    t.equal((await lab.exec(a, ["cat", "/root/file"])).stdout, "1\n");
    t.not((await lab.exec(a, ["pgrep", "-x", "sleep"])).code, 0);
    t.ok(await reaches(b, a), "its peers find it at once");
  });

  t.test("a host can reboot itself", async (t) => {
    const bootId = async (): Promise<string> => (await lab.exec(b, ["cat", "/proc/sys/kernel/random/boot_id"]).catch(() => ({ stdout: "" }))).stdout;
    const before = await bootId();
    await lab.exec(b, ["systemctl", "reboot"]);
    for (let tries = 0; tries < 100 && ["", before].includes(await bootId()); tries++) await sleep(100);
    t.notOk(["", before].includes(await bootId()), "booted anew");
    for (let tries = 0; tries < 50 && !(await lab.status()).hosts[1]?.up; tries++) await sleep(100);
    t.equal((await lab.status()).hosts[1]?.up, true, "and answers");
  });

  t.test("reset gives a bare host, with other keys, that known_hosts knows", async (t) => {
    await lab.exec(c, ["sh", "-c", "echo 1 >/root/file"]);
    const key = async (): Promise<string> => (await lab.exec(c, ["cat", "/etc/ssh/ssh_host_ed25519_key.pub"])).stdout;
    const before = await key();
    await lab.reset(c);
    t.not((await lab.exec(c, ["test", "-e", "/root/file"])).code, 0);
    t.not(await key(), before);
    t.equal(spawnSync("ssh", [...(await lab.sshArgs(c)), "hostname"], { encoding: "utf8" }).stdout, `${c}\n`);
  });
});
