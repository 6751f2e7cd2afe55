import t from "tap";
import { absent } from "../../lib/resources/absent.mts";
import { ioScheduler, SCHEDULER_RULES } from "../../lib/resources/io-scheduler.mts";
import { sysctl, sysctlPath } from "../../lib/resources/sysctl.mts";
import { sysctlBoot } from "../../lib/resources/sysctl-boot.mts";
import { sysfs } from "../../lib/resources/sysfs.mts";
import { skip, testLab } from "../lab/fixture.mts";
import { run, sessionWith } from "./host.mts";

t.test("a key's path is as sysctl.d(5) reads it", async (t) => {
  t.equal(sysctlPath("net.core.somaxconn"), "net/core/somaxconn");
  t.equal(sysctlPath("net.ipv4.conf.eth0/100.rp_filter"), "net/ipv4/conf/eth0.100/rp_filter");
  t.equal(sysctlPath("net/ipv4/conf/eth0.100/rp_filter"), "net/ipv4/conf/eth0.100/rp_filter");
});

t.test("on a host", { skip }, async (t) => {
  const lab = testLab(t, "kres");
  await lab.up({ nodes: 1 });
  const session = await sessionWith(t, lab, "nats-node-1");
  const sh = async (script: string): Promise<string> => (await lab.exec("nats-node-1", ["sh", "-c", script])).stdout.trim();

  t.test("sysctl", async (t) => {
    const syn = (value: string) => sysctl({ key: "net.ipv4.tcp_max_syn_backlog", value, container: "systemd-nspawn" });
    const before = await sh("cat /proc/sys/net/ipv4/tcp_max_syn_backlog");
    t.match((await run(session, [syn("4321")], "check")).tasks, {
      "sysctl net.ipv4.tcp_max_syn_backlog": { status: "drift", changes: [{ attribute: "value", current: before, desired: "4321" }] },
    });
    t.equal(await sh("cat /proc/sys/net/ipv4/tcp_max_syn_backlog"), before, "--check writes nothing");
    t.equal((await run(session, [syn("4321")])).outcome.counts.changed, 1);
    t.equal((await run(session, [syn(" 4321 ")])).outcome.counts.ok, 1, "once");

    t.test("the kernel's tabs and people's spaces are the same", async (t) => {
      const range = (value: string) => sysctl({ key: "net.ipv4.ip_local_port_range", value, container: "" });
      await run(session, [range("11000 60000")]);
      t.equal((await run(session, [range("11000   60000")])).outcome.counts.ok, 1);
    });
    t.test("a refused value is a failure in plain words", async (t) => {
      const { statuses } = await run(session, [syn("many")]);
      t.same(statuses, { "sysctl net.ipv4.tcp_max_syn_backlog": "failed: the kernel refuses net.ipv4.tcp_max_syn_backlog = many" });
    });
    t.test("what may not be set is skipped with the reason, and what is as desired anyway is ok", async (t) => {
      const swappiness = await sh("cat /proc/sys/vm/swappiness");
      const vm = (value: string, container: string) => sysctl({ key: "vm.swappiness", value, container });
      const other = swappiness === "7" ? "8" : "7";
      t.match((await run(session, [vm(other, "systemd-nspawn")])).statuses, {
        "sysctl vm.swappiness": "skipped: not settable in a container (systemd-nspawn)",
      });
      t.match((await run(session, [vm(other, "")])).statuses, { "sysctl vm.swappiness": "skipped: not settable on this host" });
      t.match((await run(session, [vm(swappiness, "systemd-nspawn")])).statuses, { "sysctl vm.swappiness": "ok" });
    });
    t.test("a key that there isn't", async (t) => {
      const none = (container: string) => sysctl({ key: "net.core.none", value: 1, container });
      t.match((await run(session, [none("")])).statuses, { "sysctl net.core.none": "skipped: this kernel has no net.core.none" });
      t.match((await run(session, [none("lxc")])).statuses, { "sysctl net.core.none": "skipped: not settable in a container (lxc)" });
    });
  });

  t.test("sysctl-boot names the files that win at boot", async (t) => {
    const ours = sysctlBoot({ name: "99-sampan.conf", values: { "net.core.somaxconn": "65535", "net.ipv4.tcp_rmem": "1 2 3" } });
    t.match(await run(session, [ours]), { statuses: { "sysctl-boot 99-sampan.conf": "ok" }, warnings: [] });

    const conflicts = async (script: string): Promise<string> => {
      await sh(script);
      const { tasks } = await run(session, [ours]);
      return tasks["sysctl-boot 99-sampan.conf"]!.reason ?? "ok";
    };
    t.equal(await conflicts("printf '# net.core.somaxconn = 1\\n' >/etc/sysctl.d/99-z.conf"), "ok", "a comment");
    t.equal(await conflicts("printf 'net.core.somaxconn=65535\\nnet/ipv4/tcp_rmem = 1\\t2 3\\n' >/etc/sysctl.d/99-z.conf"), "ok", "the same value");
    t.equal(await conflicts("printf 'net.core.somaxconn=128\\n' >/etc/sysctl.d/50-z.conf; : >/etc/sysctl.d/99-z.conf"), "ok", "an earlier file");
    t.match(await conflicts("printf ' -net.core.somaxconn=128\\n' >/etc/sysctl.d/99-z.conf"), "/etc/sysctl.d/99-z.conf sets net.core.somaxconn = 128");
    t.match(await conflicts("printf 'net/ipv4/tcp_rmem = 4 5 6\\n' >/etc/sysctl.d/99-z.conf"), "sets net.ipv4.tcp_rmem = 4 5 6");
    t.equal(await conflicts("mv /etc/sysctl.d/99-z.conf /usr/lib/sysctl.d/; : >/etc/sysctl.d/99-z.conf"), "ok", "a file that another of its name hides");
    t.match(await conflicts("rm /etc/sysctl.d/99-z.conf"), "/usr/lib/sysctl.d/99-z.conf sets");
    const { warnings, outcome } = await run(session, [ours], "check");
    t.match(warnings, [/^nats-node-1: at the next boot other values win: /]);
    t.same([outcome.counts.drift, outcome.ok], [0, true], "neither drift nor failure: sampan can't mend it");
  });

  t.test("sysfs", async (t) => {
    await sh(
      "for i in 0 1 2; do mkdir -p /root/cpu$i; echo powersave >/root/cpu$i/g; done; echo performance >/root/cpu1/g; echo 'always [madvise] never' >/root/thp",
    );
    const governors = sysfs({ path: "/root/cpu*/g", value: "performance", absent: "none here", readOnly: "no" });
    t.match((await run(session, [governors], "check")).tasks["sysfs /root/cpu*/g"], {
      status: "drift",
      changes: [{ current: "powersave", desired: "performance" }],
    });
    t.equal((await run(session, [governors])).outcome.counts.changed, 1);
    t.equal(await sh("cat /root/cpu?/g"), "performance\nperformance\nperformance");
    t.equal((await run(session, [governors])).outcome.counts.ok, 1);

    const thp = (value: string) => sysfs({ path: "/root/thp", value, absent: "none here", readOnly: "no" });
    t.match((await run(session, [thp("madvise")])).statuses, { "sysfs /root/thp": "ok" }, "the choice in brackets is the value");
    t.match((await run(session, [thp("never")], "check")).tasks["sysfs /root/thp"], { changes: [{ current: "madvise", desired: "never" }] });
    t.match((await run(session, [sysfs({ path: "/root/none*", value: "x", absent: "none here", readOnly: "no" })])).statuses, {
      "sysfs /root/none*": "skipped: none here",
    });
    const real = sysfs({
      path: "/sys/kernel/mm/transparent_hugepage/enabled",
      value: "never",
      absent: "none",
      readOnly: "not settable in a container (systemd-nspawn)",
    });
    t.match((await run(session, [real])).statuses, {
      "sysfs /sys/kernel/mm/transparent_hugepage/enabled": "skipped: not settable in a container (systemd-nspawn)",
    });
  });

  t.test("absent", async (t) => {
    await sh("echo text >/root/file; mkdir -p /root/folder");
    t.match((await run(session, [absent({ path: "/root/file" })], "check")).tasks["absent /root/file"], { status: "drift", diff: /-text/ });
    t.equal((await run(session, [absent({ path: "/root/file" })])).outcome.counts.changed, 1);
    t.equal((await run(session, [absent({ path: "/root/file" })])).outcome.counts.ok, 1);
    t.equal((await run(session, [absent({ path: "/root/folder" })])).outcome.counts.failed, 1, "a folder is not removed");
  });

  t.test("io-scheduler", async (t) => {
    // LVM on two partitions of two disks, as the kernel shows it
    await sh(`mount -t tmpfs t /sys/block; mount -t tmpfs t /sys/dev; mkdir -p /sys/dev/block /etc/udev
      for d in sda nvme0n1 dm-0; do mkdir -p /sys/block/$d/queue /sys/block/$d/slaves; echo 'none [mq-deadline] kyber' >/sys/block/$d/queue/scheduler; done
      mkdir -p /sys/block/sda/sda1 /sys/block/nvme0n1/nvme0n1p2; echo 1 >/sys/block/sda/sda1/partition; echo 2 >/sys/block/nvme0n1/nvme0n1p2/partition
      ln -s /sys/block/sda/sda1 /sys/block/dm-0/slaves/; ln -s /sys/block/nvme0n1/nvme0n1p2 /sys/block/dm-0/slaves/
      ln -s /sys/block/dm-0 /sys/dev/block/$(mountpoint -d /)`);
    t.teardown(() => sh("umount /sys/block /sys/dev"));
    const none = ioScheduler({ device: "/dev/mapper/vg-lv", mount: "/", scheduler: "none" });
    const checked = (await run(session, [none], "check")).tasks["io-scheduler /"];
    t.same(
      checked?.changes,
      ["nvme0n1", "sda"]
        .map((attribute) => ({ attribute, current: "mq-deadline", desired: "none" }))
        .concat({ attribute: "at boot", current: "", desired: "none" }),
    );
    t.equal((await run(session, [none])).outcome.counts.changed, 1);
    t.equal(
      await sh("cat /sys/block/sda/queue/scheduler /sys/block/nvme0n1/queue/scheduler /sys/block/dm-0/queue/scheduler"),
      "none\nnone\nnone [mq-deadline] kyber",
      "the disks, not the volume on them",
    );
    t.equal(
      await sh(`grep -v ^# ${SCHEDULER_RULES}`),
      ["nvme0n1", "sda"].map((d) => `ACTION=="add|change", SUBSYSTEM=="block", KERNEL=="${d}", ATTR{queue/scheduler}="none"`).join("\n"),
    );
    t.equal((await run(session, [none])).outcome.counts.ok, 1, "once");
    await sh(`echo >>${SCHEDULER_RULES} x`);
    t.same(
      (await run(session, [none])).tasks["io-scheduler /"]?.changes.map((c) => c.attribute),
      ["at boot"],
    );

    t.test("a file system on no disk", async (t) => {
      await sh("rm /sys/dev/block/*");
      t.match((await run(session, [ioScheduler({ device: "overlay", mount: "/", scheduler: "none" })])).statuses, {
        "io-scheduler /": "skipped: the store lies on overlay, which is no disk of this host",
      });
    });
  });
});
