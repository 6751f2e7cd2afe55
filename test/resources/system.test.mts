import t, { type Test } from "tap";
import type { Resource } from "../../lib/engine/resource.mts";
import type { Session } from "../../lib/engine/session.mts";
import { service } from "../../lib/resources/service.mts";
import { sysctl } from "../../lib/resources/sysctl.mts";
import { group, user } from "../../lib/resources/user.mts";
import { sh } from "../../lib/sh.mts";
import { skip, testLab } from "../lab/fixture.mts";
import { LabHosts, run } from "../ssh/lab-host.mts";
import { golden } from "./golden.mts";

t.setTimeout(600_000);

t.test("programs", async (t) => {
  golden(t, "sysctl", sysctl({ key: "net.ipv4.tcp_rmem", value: "4096  131072 6291456", container: "" }));
  golden(t, "sysctl-interface", sysctl({ key: "net/ipv4/conf/eth0.100/rp_filter", value: 1, container: "lxc" }));
  golden(t, "group", group({ name: "nats" }));
  golden(t, "user", user({ name: "nats", group: "nats", home: "/var/lib/nats" }));
  golden(t, "service", service({ name: "nats-server", enabled: true, running: true, ready: sh`test -e ${"/run/it's ready"}` }));
  golden(t, "service-off", service({ name: "nats-server", enabled: false, running: false }));
});

t.test("what only a real system has", { skip }, async (t) => {
  const hosts = await LabHosts.up(t, testLab(t, "system"), 1);
  const session: Session = await hosts.open();
  const statusOf = async (r: Resource, mode: "apply" | "check" = "apply"): Promise<string> => (await run(session, [r], mode)).ends[0]!.status;
  /** --check says drift and changes nothing; apply changes it; then both are content */
  const converges = async (t: Test, r: Resource, look: string): Promise<void> => {
    const before = await hosts.sh(look);
    t.equal(await statusOf(r, "check"), "drift");
    t.equal(await hosts.sh(look), before, "--check changes nothing");
    t.equal(await statusOf(r), "changed");
    t.not(await hosts.sh(look), before);
    t.strictSame([await statusOf(r), await statusOf(r, "check")], ["ok", "ok"]);
  };
  const failure = async (r: Resource) => (await run(session, [r])).ends[0]!.failure;

  t.test("group and user", async (t) => {
    await converges(t, group({ name: "natstest" }), "getent group natstest || :");
    await converges(t, user({ name: "natstest", group: "natstest", home: "/no where" }), "getent passwd natstest || :");
    t.match(await hosts.sh("getent passwd natstest"), /:\/no where:\/usr\/sbin\/nologin$/);
    t.equal(await hosts.sh("test -e '/no where' || echo none"), "none");
    await hosts.sh("usermod -g nogroup natstest");
    await converges(t, user({ name: "natstest", group: "natstest", home: "/no where" }), "id -gn natstest");
  });

  t.test("sysctl: set, spelt with blanks or tabs, refused, unknown, not settable", async (t) => {
    const key = "net.ipv4.ip_local_port_range";
    await hosts.sh("echo '1024 60000' >/proc/sys/net/ipv4/ip_local_port_range");
    await converges(t, sysctl({ key, value: " 2048\t 61000 ", container: "" }), "cat /proc/sys/net/ipv4/ip_local_port_range");
    t.match(await failure(sysctl({ key, value: "words", container: "" })), { what: /the kernel refuses .* = words/, next: /correct/ });
    t.equal(await statusOf(sysctl({ key: "net.no_such.key", value: 1, container: "" })), "skipped");
    t.match((await run(session, [sysctl({ key: "vm.swappiness", value: 1, container: "systemd-nspawn" })])).ends[0], {
      status: "skipped",
      reason: /container \(systemd-nspawn\)/,
    });
  });

  t.test("service", async (t) => {
    const state = "systemctl show -p ActiveState,UnitFileState,NeedDaemonReload,InvocationID t-unit";
    const unit = (exec: string): Promise<string> =>
      hosts.sh(`printf '[Service]\\nExecStart=%s\\n[Install]\\nWantedBy=multi-user.target\\n' '${exec}' >/etc/systemd/system/t-unit.service`);
    const on = service({ name: "t-unit", enabled: true, running: true });
    await unit("/bin/sleep infinity");
    await converges(t, on, state);
    await t.test("stopped by hand", async (t) => {
      await hosts.sh("systemctl stop t-unit");
      await converges(t, on, state);
    });
    await t.test("disabled by hand", async (t) => {
      await hosts.sh("systemctl disable -q t-unit");
      await converges(t, on, state);
    });
    await t.test("enabled only until the next boot", async (t) => {
      await hosts.sh("systemctl disable -q t-unit; systemctl enable -q --runtime t-unit");
      await converges(t, on, state);
      await hosts.sh("systemctl disable -q t-unit; systemctl enable -q --runtime t-unit");
      await converges(t, service({ name: "t-unit", enabled: false, running: true }), state);
      await hosts.sh("systemctl enable -q t-unit");
    });
    await t.test("a changed unit is loaded, the process stays", async (t) => {
      const pid = await hosts.sh("systemctl show -p MainPID t-unit");
      await unit("/bin/sleep 99999");
      await converges(t, on, state);
      t.equal(await hosts.sh("systemctl show -p MainPID t-unit"), pid);
    });
    await t.test("masked: not undone, but told", async (t) => {
      await hosts.sh("systemctl stop t-unit; mv /etc/systemd/system/t-unit.service /root/; systemctl daemon-reload; systemctl mask -q t-unit");
      t.match(await failure(on), { what: /masked/, next: /systemctl unmask t-unit/ });
      await hosts.sh("systemctl unmask -q t-unit; mv /root/t-unit.service /etc/systemd/system/");
    });
    await t.test("one that dies: its last words are shown", async (t) => {
      await unit('/bin/sh -c "echo wrong option in line 7 >&2; sleep 0.3; exit 1"');
      const dies = service({ name: "t-unit", enabled: true, running: true, ready: sh`false` });
      await hosts.sh("systemctl stop t-unit");
      t.match(await failure(dies), { output: /wrong option in line 7/ });
    });
    await t.test("one that isn't there", async (t) => {
      t.match(await failure(service({ name: "no-such-unit", enabled: true, running: true })), { output: /no-such-unit/ });
      t.equal(await statusOf(service({ name: "no-such-unit", enabled: false, running: false })), "ok");
    });
    await t.test("off, also where it can't be enabled at all", async (t) => {
      await unit("/bin/sleep infinity");
      await hosts.sh("systemctl daemon-reload; systemctl start t-unit");
      await converges(t, service({ name: "t-unit", enabled: false, running: false }), state);
      await hosts.sh(
        "printf '[Service]\\nExecStart=/bin/sleep infinity\\n' >/etc/systemd/system/t-static.service; systemctl daemon-reload; systemctl start t-static",
      );
      await converges(t, service({ name: "t-static", enabled: false, running: false }), "systemctl is-active t-static || :");
    });
  });
});
