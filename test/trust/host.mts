import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Test } from "tap";
import { type Site, siteLab } from "../support/site.mts";

/** The state of one host as text, and what a test needs to bring it into another. */
const ROLES = ["kernel-tuning", "nats-install", "cluster-config"].flatMap((role) => ["--role", role]);

/** Commands by which steps change a host; before each of them a run can be held. */
const HELD = ["mkdir", "chown", "chmod", "mv", "rm", "ln", "groupadd", "useradd", "usermod", "systemctl", "date", "cat"];

const SYSCTLS =
  "net/core/somaxconn net/core/netdev_max_backlog net/core/rmem_max net/ipv4/tcp_max_syn_backlog net/ipv4/tcp_rmem net/ipv4/tcp_wmem net/ipv4/tcp_slow_start_after_idle net/ipv4/tcp_keepalive_time net/ipv4/tcp_keepalive_intvl net/ipv4/tcp_keepalive_probes net/ipv4/ip_local_port_range";

/** Where a run is held: before its n-th command (from 1), or in the middle of a push. */
export type Point = { command: number } | { bytes: number };

/** One lab host on which runs of the host roles are disturbed, and what it looks like. */
export class TrustHost {
  readonly site: Site;
  readonly name: string;
  #sysctls = "";

  constructor(site: Site) {
    this.site = site;
    this.name = site.names[0]!;
  }

  static async up(t: Test, region: string): Promise<TrustHost> {
    const host = new TrustHost(await siteLab(t, region, 1));
    await host.#install();
    return host;
  }

  async #install(): Promise<void> {
    this.#sysctls = await this.sh(`cd /proc/sys; for f in ${SYSCTLS}; do [ ! -w $f ] || echo "echo '$(cat $f)' >/proc/sys/$f"; done`);
    const hook = readFileSync(new URL("hooks.sh", import.meta.url), "utf8");
    await this.sh(
      `mkdir -p /run/trust && mount -t tmpfs -o mode=755 tmpfs /usr/local/sbin && cat >/usr/local/sbin/sh && chmod 755 /usr/local/sbin/sh
      for c in ${HELD.join(" ")}; do ln /usr/local/sbin/sh /usr/local/sbin/$c; done`,
      hook,
    );
  }

  async sh(script: string, input?: string): Promise<string> {
    const { code, stdout, stderr } = await this.site.lab.exec(this.name, ["/bin/dash", "-c", script], input === undefined ? {} : { input });
    if (code !== 0) throw new Error(`${script}: exit ${code}: ${stderr}`);
    return stdout.trimEnd();
  }

  /** arguments of a run of the host roles, and no other */
  readonly args = ROLES;

  /** As newly installed: what a rollout makes goes. */
  async scrub(): Promise<void> {
    await this.sh(`systemctl -q unmask nats-server 2>/dev/null; systemctl -q kill -s KILL nats-server; systemctl -q disable --now nats-server
      while umount /etc/nats /opt /usr/local/bin 2>/dev/null; do :; done
      chattr -R -i /etc/nats /opt /usr/local/bin 2>/dev/null
      rm -rf /etc/nats /opt/* /usr/local/bin/* /etc/sysctl.d/99-sampan.conf /usr/local/lib/sampan /var/lib/nats /run/sampan /var/log/sampan /etc/systemd/system/nats-server.service* /run/systemd/system/nats-server.service*
      rm -rf /etc/sysctl.d/99-sampan.conf /etc/security/limits.d/90-sampan-nats.conf /etc/tmpfiles.d/90-sampan-kernel.conf
      userdel nats; groupdel nats; systemctl daemon-reload; systemctl reset-failed; ${this.#sysctls}
      true`);
  }

  /** After a cut of the power nothing of the test's own is left but what lies on the disk. */
  async powerCycle(): Promise<void> {
    await this.site.lab.powerCut(this.name);
    await this.site.lab.boot(this.name);
    await this.#install();
  }

  /** The next run is to wait at this point. */
  async arm(point: Point): Promise<void> {
    const { command = 0, bytes = 0 } = point as { command?: number; bytes?: number };
    await this.sh(`cd /run/trust; rm -f reached go shell; : >commands; ${bytes ? `echo ${bytes}` : ":"} >bytes; echo ${command} >armed`);
  }

  /** Waits until a run has got to the point. @returns the command it waits before; undefined when the run ended without */
  async reached(ended: Promise<unknown>): Promise<string | undefined> {
    let over = false;
    void ended.then(() => {
      over = true;
    });
    for (;;) {
      const { stdout, code } = await this.site.lab.exec(this.name, ["cat", "/run/trust/reached"]);
      if (code === 0 && stdout !== "") return stdout.trimEnd();
      if (over) return undefined;
      await sleep(20);
    }
  }

  /** Lets what waits go on, and counts no more. */
  release(): Promise<string> {
    return this.sh("rm -f /run/trust/armed; touch /run/trust/go");
  }

  /** commands of the last armed run */
  commands(): Promise<string[]> {
    return this.sh("cat /run/trust/commands").then((s) => s.split("\n").filter(Boolean));
  }

  /** Everything that a rollout is about, a line each: files with rights and contents, users, unit, process, kernel. */
  async fingerprint(): Promise<string[]> {
    const places = "/etc /opt /usr/local /var/lib/nats /var/log/sampan /run/sampan /run/nats-server";
    const prune = ["/usr/local/sbin", "/var/lib/nats/jetstream/*", "/run/sampan/*", "/var/log/sampan/*", "/etc/*-"].map((p) => `-path '${p}'`).join(" -o ");
    const text = await this.sh(`find ${places} \\( ${prune} \\) -prune -o -printf '%p %y %m %u:%g %l\\n' 2>/dev/null
      find ${places} \\( ${prune} \\) -prune -o -type f -exec sha256sum {} + 2>/dev/null
      getent passwd nats; getent group nats
      systemctl show nats-server -p LoadState -p ActiveState -p SubState -p UnitFileState -p NeedDaemonReload -p FragmentPath -p DropInPaths
      pid=$(systemctl show -P MainPID nats-server); [ "$pid" = 0 ] || readlink /proc/$pid/exe
      cd /proc/sys; grep -s '' ${SYSCTLS}
      if [ -e /usr/local/lib/sampan/nats-fingerprint ]; then
        for what in start load; do [ "$(/bin/sh /usr/local/lib/sampan/nats-fingerprint $what)" = "$(cat /run/nats-server/$what)" ] || echo "$what: the server has read something else"; done
      fi
      true`);
    return text.split("\n").sort();
  }

  /** What no run may leave, whatever happens to it: staged files, a held lock, a holder, processes. Empty when all is well. */
  async leftovers(): Promise<string[]> {
    const text = await this.sh(`find / -xdev \\( -name '.sampan.*' -o -name '*.sampan.new' -o -name '*.part' -o -name '*.part.whole' \\) -print 2>/dev/null
      [ ! -e /run/sampan/lock ] || flock -n /run/sampan/lock true || echo 'the lock is held'
      [ ! -e /run/sampan/holder ] || echo "a holder: $(cat /run/sampan/holder)"
      for p in /proc/[0-9]*; do tr '\\0' '\\n' <$p/environ 2>/dev/null | grep -q '^TRUST=1' && echo "process $(tr '\\0' ' ' <$p/cmdline)"; done
      true`);
    return text.split("\n").filter(Boolean);
  }

  /** Each line of the audit log without its time: who and what. A line that is none comes as it is. */
  async audit(): Promise<string[]> {
    const lines = (await this.sh("cat /var/log/sampan/audit.log 2>/dev/null || :")).split("\n").filter(Boolean);
    return lines.map((line) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \S+ \S+ (\S+: .+)$/.exec(line)?.[1] ?? `not a line: ${line}`).sort();
  }
}
