import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "./measure.mts";

/** Where a competitor finds its version of the hosts. */
export interface Hosts {
  /** of sampan and Ansible */
  inventory: string;
  floor: string;
  /** of masters that stay; of its own wherever hosts are new */
  control: string;
}

export interface Competitor {
  id: string;
  name: string;
  /** runs of it for one of the slowest's: it is quick */
  often: boolean;
  noop(hosts: Hosts): Command;
  /** absent where it makes no difference to another competitor */
  first?(hosts: Hosts): Command;
  /** what it tells of a run that changed nothing */
  unchanged: RegExp;
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const peers = here("peers");

export const SAMPAN = here("job/site.mts");

const sampan: Competitor = {
  id: "sampan",
  name: "sampan",
  often: true,
  unchanged: /changed=0/,
  noop: ({ inventory }) => ({ argv: [SAMPAN, "-i", inventory] }),
  first: ({ inventory }) => ({ argv: [SAMPAN, "-i", inventory] }),
};

const ansible = (id: string, name: string, config: string): Competitor => {
  const command = ({ inventory, control }: Hosts): Command => ({
    argv: ["/usr/bin/ansible-playbook", "-i", join(inventory, "ansible/hosts.json"), join(peers, "ansible/site.yml")],
    env: {
      ANSIBLE_CONFIG: join(peers, "ansible/cfg", config),
      ANSIBLE_SSH_CONTROL_PATH_DIR: control,
      ANSIBLE_NOCOLOR: "1",
      ANSIBLE_LOCAL_TEMP: join(control, "tmp"),
      ANSIBLE_DEPRECATION_WARNINGS: "0",
    },
  });
  return { id, name, often: false, noop: command, first: command, unchanged: /ok=\d+ +changed=0 / };
};

const floor = (id: string, name: string, kind: "cold" | "warm"): Competitor => ({
  id,
  name,
  often: true,
  unchanged: /^$/,
  noop: (hosts) => ({ argv: [join(peers, "floor/noop.sh"), hosts.floor, kind] }),
  ...(kind === "cold" && { first: (hosts: Hosts): Command => ({ argv: [join(peers, "floor/first.sh"), hosts.floor] }) }),
});

export const ALL: readonly Competitor[] = [
  sampan,
  floor("floor", "floor, cold: one sh script per host over one new SSH connection", "cold"),
  floor("warm", "floor, warm: the same over a connection that is there already", "warm"),
  ansible("mitogen", "Ansible with Mitogen", "mitogen.cfg"),
  ansible("tuned", "Ansible, tuned (pipelining, ControlPersist, 10 forks)", "tuned.cfg"),
  ansible("default", "Ansible as it comes", "default.cfg"),
];

const tell = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

/** Installs what Debian has of the peers. @returns those that are here, and lines about those that aren't */
export function available(): { competitors: Competitor[]; missing: string[] } {
  const has = (file: string): boolean => spawnSync("test", ["-e", file]).status === 0;
  const needs: Record<string, string> = {
    "/usr/bin/ansible-playbook": "ansible",
    "/usr/lib/python3/dist-packages/ansible_mitogen": "ansible-mitogen",
  };
  const packages = Object.entries(needs)
    .filter(([file]) => !has(file))
    .map(([, p]) => p);
  if (packages.length) {
    tell(`installing ${packages.join(", ")} by apt`);
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const install = () => spawnSync("apt-get", ["install", "-qq", "-y", "--no-install-recommends", ...packages], { env, stdio: "ignore" }).status === 0;
    if (!install()) {
      spawnSync("apt-get", ["update", "-qq"], { env, stdio: "ignore" });
      install();
    }
  }
  const missing: string[] = [];
  const competitors = ALL.filter(({ id, name }) => {
    const lacks =
      id === "mitogen"
        ? Object.keys(needs).find((f) => !has(f))
        : id === "tuned" || id === "default"
          ? Object.keys(needs)
              .slice(0, 1)
              .find((f) => !has(f))
          : undefined;
    if (lacks) missing.push(`${name} is left out: apt could not install ${needs[lacks]!}.`);
    return !lacks;
  });
  missing.push("pyinfra is left out: Debian has no package of it, and this command installs from Debian only.");
  return { competitors, missing };
}

export function versions(): string[] {
  const first = (command: string, args: string[]): string => (spawnSync(command, args, { encoding: "utf8" }).stdout ?? "").split("\n")[0]!.trim();
  const deb = (name: string): string => first("dpkg-query", ["-W", "-f", "${Version}", name]);
  return [
    first("/usr/bin/ansible-playbook", ["--version"]).replace("ansible-playbook", "Ansible"),
    `Mitogen ${deb("ansible-mitogen") || "absent"}`,
    `Node.js ${process.version}`,
    (spawnSync("ssh", ["-V"], { encoding: "utf8" }).stderr ?? "").trim().split(",")[0]!,
  ];
}
