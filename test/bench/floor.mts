import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "../../lib/lab/lab.mts";
import { quote } from "../../lib/sh.mts";
import { type Place, SYSCTLS } from "./inventories.mts";
import { fail } from "./measure.mts";

const FILES = [
  "/etc/sysctl.d/90-nats.conf",
  "/etc/security/limits.d/nats.conf",
  "/usr/local/bin/nats-server",
  "/etc/nats/nats.env",
  "/etc/nats/auth.conf",
  "/etc/nats/nats-server.conf",
  "/etc/systemd/system/nats-server.service",
  "/etc/logrotate.d/nats",
  "/etc/motd",
];
const FOLDERS = ["/etc/nats", "/var/lib/nats/jetstream", "/var/log/nats"];

/** What the check script looks at; what it must find there is taken from the converged host. */
const LOOKS: readonly (readonly [what: string, command: string])[] = [
  ["sysctl", `sysctl -n ${SYSCTLS.join(" ")}`],
  ["rights", `stat -c '%A %U %G %n' ${[...FILES, ...FOLDERS].join(" ")}`],
  ["content", `sha256sum ${FILES.join(" ")}`],
  ["user", "getent passwd nats; getent group nats"],
  ["hosts", "sed -n '/# BEGIN nats peers/,/# END nats peers/p' /etc/hosts"],
  ["unit", "systemctl show -p ActiveState -p UnitFileState -p NeedDaemonReload nats-server"],
  [
    "health",
    String.raw`bash -c 'exec 3<>/dev/tcp/127.0.0.1/8222 && printf "GET /healthz HTTP/1.0\r\n\r\n" >&3 && read -r line <&3 && case $line in *" 200 "*) echo 200 ;; esac'`,
  ],
];

const words = (text: string): string => text.trimEnd();

/** Writes the scripts of the floor for these hosts, which must be converged, into the folder. */
export async function writeFloor(folder: string, lab: Lab, places: readonly Place[], inventory: string, archives = false): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "hosts"), places.map((p) => `${p.name} ${p.address} ${p.port}\n`).join(""));
  writeFileSync(join(folder, "known_hosts"), readFileSync(join(inventory, "known_hosts")));
  writeFileSync(
    join(folder, "key"),
    (JSON.parse(readFileSync(join(inventory, "hosts.yml"), "utf8")) as { nats: { vars: { ssh: { identity_file: string } } } }).nats.vars.ssh.identity_file,
  );
  for (const { name } of places) {
    const lines = ['r=0; ck() { [ "$2" = "$3" ] || { r=1; echo "DRIFT $1: $2"; }; }'];
    for (const [what, command] of LOOKS) {
      const { stdout, code, stderr } = await lab.exec(name, ["sh", "-c", command]);
      if (code !== 0) fail(`floor: ${name}: ${command}: ${stderr}`);
      lines.push(`ck ${what} "$(${command})" ${quote(words(stdout))}`);
    }
    writeFileSync(join(folder, `check-${name}`), [...lines, 'echo "done $r"', ""].join("\n"));
    if (!archives) continue;
    const { code, stdout, stderr } = await lab.exec(name, [
      "sh",
      "-c",
      `tar -C / -cf - --no-recursion ${[...FOLDERS, ...FILES, "/etc/hosts"].map((f) => f.slice(1)).join(" ")} | base64 -w 0`,
    ]);
    if (code !== 0) fail(`floor: ${name}: tar: ${stderr}`);
    writeFileSync(join(folder, `site-${name}.tar`), Buffer.from(stdout, "base64"));
  }
}
