import { type Artifact, resolveArtifact } from "../../../lib/artifact/resolve.mts";
import type { HostRole } from "../../../lib/playbook/role.mts";
import { blockInFile } from "../../../lib/resources/block-in-file.mts";
import { directory } from "../../../lib/resources/directory.mts";
import { artifact, file } from "../../../lib/resources/file.mts";
import { service } from "../../../lib/resources/service.mts";
import { sysctl } from "../../../lib/resources/sysctl.mts";
import { group, user } from "../../../lib/resources/user.mts";
import { sh } from "../../../lib/sh.mts";
import { render, type View } from "../../../lib/template.mts";
import { healthy, restart } from "./healthy.mts";
import type { JobVars } from "./vars.mts";

const PROGRAM = "/usr/local/bin/nats-server",
  CONF = "/etc/nats/nats-server.conf",
  AUTH = "/etc/nats/auth.conf",
  ENV = "/etc/nats/nats.env";
const UNIT = "/etc/systemd/system/nats-server.service";

const template = (name: string, view: View): string => render(new URL(`templates/${name}.mustache`, import.meta.url), view);
const restartNats = restart(PROGRAM, ENV, AUTH, CONF, UNIT);

/** The job that all are measured by (peers/ansible/site.yml), task by task; what lies on the host afterwards is the same to the byte. */
export const site: HostRole<JobVars, ReadonlyMap<string, Artifact>> = {
  kind: "host",
  name: "nats-site",

  async prepare({ hosts }) {
    return new Map(
      await Promise.all(
        hosts.map(
          async ({ host: { name, vars }, facts: { arch } }) =>
            [name, await resolveArtifact({ version: vars.nats_version, source: { file: vars.nats_binary }, arch })] as const,
        ),
      ),
    );
  },

  resources({ host, vars, facts, inventory, prepared }) {
    const peers = inventory.hosts.filter((h) => h.vars.nats_cluster === vars.nats_cluster);
    const view = { name: vars.nats_name, cluster: `${vars.nats_cluster_name}-${vars.nats_cluster}`, peers: peers.map((h) => h.vars.nats_name).join(", ") };
    const conf = {
      ...view,
      max_mem: vars.nats_max_mem,
      max_file: vars.nats_max_file,
      routes_password: vars.nats_routes_password,
      routes: peers.filter((h) => h.name !== host.name).map((h) => ({ ip: h.vars.nats_ip })),
    };
    const accounts = vars.nats_users.map((u) => ({ ...u, jetstream: u.account !== "$SYS" }));
    const nats = { owner: "root", group: "nats", mode: 0o640 };
    const settings = Object.entries(vars.nats_sysctl);
    return [
      file({ path: "/etc/sysctl.d/90-nats.conf", content: settings.map(([key, value]) => `${key}=${value}\n`).join("") }),
      ...settings.map(([key, value]) => sysctl({ key, value, container: facts.container })),
      file({ path: "/etc/security/limits.d/nats.conf", content: LIMITS }),
      group({ name: "nats" }),
      user({ name: "nats", group: "nats", home: "/var/lib/nats" }),
      directory({ path: "/etc/nats", group: "nats", mode: 0o750 }),
      directory({ path: "/var/lib/nats/jetstream", owner: "nats", group: "nats", mode: 0o750 }),
      directory({ path: "/var/log/nats", owner: "nats", group: "nats", mode: 0o750 }),
      artifact({ path: PROGRAM, payload: prepared.get(host.name) ?? UNRESOLVED }).notify(restartNats),
      file({ path: ENV, content: template("nats.env", view), ...nats }).notify(restartNats),
      file({ path: AUTH, content: template("auth.conf", { accounts }), ...nats }).notify(restartNats),
      file({ path: CONF, content: template("nats-server.conf", conf), validate: (staged) => sh`${PROGRAM} -t -c ${staged}`, ...nats }).notify(restartNats),
      file({ path: UNIT, content: template("nats-server.service", view) }).notify(restartNats),
      file({ path: "/etc/logrotate.d/nats", content: LOGROTATE }),
      blockInFile({ path: "/etc/hosts", marker: "nats peers", block: peers.map((h) => `${h.vars.nats_ip} ${h.vars.nats_name}`).join("\n") }),
      file({ path: "/etc/motd", content: template("motd", view) }),
      service({ name: "nats-server", enabled: true, running: true }),
      healthy(8222),
    ];
  },
};

/** for --list-tasks */
const UNRESOLVED: Artifact = { path: "", sha256: "", size: 0, version: "" };

const LIMITS = ["soft nofile 262144", "hard nofile 262144", "soft nproc 65536", "hard nproc 65536", "soft core 0"].map((line) => `nats ${line}\n`).join("");

const LOGROTATE = `/var/log/nats/*.log {
    daily
    rotate 14
    compress
    delaycompress
    missingok
    notifempty
    su nats nats
    copytruncate
}
`;
