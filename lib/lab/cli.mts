import { spawnSync } from "node:child_process";
import { relative } from "node:path";
import { parseArgs } from "node:util";
import { invoked } from "../invoked.mts";
import { LabError } from "./error.mts";
import { Lab, type UpOptions } from "./lab.mts";
import { maxNodes } from "./region.mts";
import { lines } from "./report.mts";
import { requireLinuxRoot } from "./setup.mts";

const usage = (lab: string): string => `${lab}: hosts on this machine to roll out to: containers that boot a bare Debian server. Needs root

Usage: ${lab} up|down|status [--region NAME]
       ${lab} ssh HOST [--region NAME] [-- COMMAND]

  up        boot the hosts and write their inventory (inventory/lab); heals what is broken; twice is fine
  down      remove hosts, network and inventory
  status    what is there
  ssh       log in as root, or run a command

Flags:
  --nodes N        how many hosts, at most ${maxNodes} (default: as many as there are, else 3)
  --single         one host, the same as --nodes 1
  --vm             a virtual machine (nats-vm): a kernel and GRUB of its own, in software emulation. With --nodes N beside
                   N containers, else alone
  --region NAME    a second lab beside the first, with its own subnet and inventory (inventory/lab-NAME)
  -h, --help       this text

Exit status: 0 done, 1 failed (status: not every host is up), 3 bad usage; of ssh that of the command
More: what to type when: docs/runbook.md; messages: docs/troubleshooting.md
`;

class BadUsage extends Error {}

/** @returns the exit status: 0 done, 1 failed, 3 bad usage, or that of the ssh'd command */
export async function main(argv: string[]): Promise<number> {
  try {
    return await command(argv);
  } catch (error) {
    if (error instanceof LabError) process.stderr.write(`lab: ${error.message}; ${error.fix}\n`);
    else if (error instanceof BadUsage) process.stderr.write(`lab: ${error.message}; see lab.mts --help\n`);
    else throw error;
    return error instanceof BadUsage ? 3 : 1;
  }
}

async function command(argv: string[]): Promise<number> {
  const { values, positionals, remote } = parse(argv);
  if (values.help) {
    process.stdout.write(usage(invoked("lab")));
    return 0;
  }
  const [verb, ...rest] = positionals;
  if (verb !== "ssh" && rest.length > 0) throw new BadUsage(`"${rest[0]}" is too many`);
  if (verb !== "ssh" && remote.length > 0) throw new BadUsage("a command goes with ssh only");
  if (verb !== "up" && (values.nodes !== undefined || values.single)) throw new BadUsage("--nodes and --single go with up");
  if (verb !== "up" && values.vm) throw new BadUsage("--vm goes with up");
  if (values.nodes !== undefined && values.single) throw new BadUsage("--nodes and --single contradict each other");
  const nodes = values.single ? 1 : values.nodes === undefined ? undefined : count(values.nodes);
  const lab = openLab(values.region);
  switch (verb) {
    case "up":
      return up(lab, { nodes, vm: values.vm });
    case "down":
      await lab.down({ report: lines(process.stdout) });
      return 0;
    case "status":
      return status(lab);
    case "ssh":
      return ssh(lab, rest, remote);
    default:
      throw new BadUsage(verb === undefined ? "say what to do: up, down, status or ssh" : `"${verb}" is none of up, down, status, ssh`);
  }
}

function parse(argv: string[]) {
  const end = argv.indexOf("--");
  const [own, remote] = end < 0 ? [argv, []] : [argv.slice(0, end), argv.slice(end + 1)];
  try {
    return {
      remote,
      ...parseArgs({
        args: own,
        allowPositionals: true,
        options: {
          nodes: { type: "string" },
          single: { type: "boolean" },
          vm: { type: "boolean" },
          region: { type: "string" },
          help: { type: "boolean", short: "h" },
        },
      }),
    };
  } catch (error) {
    throw new BadUsage(error instanceof Error ? error.message.split(". ")[0] : String(error));
  }
}

/** A name that can't be one is the user's typing, not the lab's failure. */
function openLab(region?: string): Lab {
  try {
    return new Lab(region);
  } catch (error) {
    throw error instanceof LabError ? new BadUsage(`${error.message}: ${error.fix}`) : error;
  }
}

function count(text: string): number {
  const nodes = Number(text);
  if (!/^\d+$/.test(text) || nodes === 0) throw new BadUsage(`--nodes ${text} is no number of hosts`);
  if (nodes > maxNodes) throw new BadUsage(`a lab can't have ${text} hosts: choose 1 to ${maxNodes}`);
  return nodes;
}

async function up(lab: Lab, options: Pick<UpOptions, "nodes" | "vm">): Promise<number> {
  const { inventory, hosts } = await lab.up({ ...options, report: lines(process.stdout) });
  process.stdout.write(`${hosts.length} ${hosts.length === 1 ? "host" : "hosts"} up; inventory: ${relative(process.cwd(), inventory)}\n`);
  return 0;
}

async function status(lab: Lab): Promise<number> {
  requireLinuxRoot();
  const { hosts } = await lab.status();
  for (const { name, address, up } of hosts) process.stdout.write(`${name}  ${address}  ${up ? "up" : "DOWN"}\n`);
  if (hosts.length === 0) process.stdout.write("no lab is up\n");
  return hosts.length > 0 && hosts.every(({ up }) => up) ? 0 : 1;
}

async function ssh(lab: Lab, [host, ...rest]: string[], remote: string[]): Promise<number> {
  if (host === undefined || rest.length > 0) throw new BadUsage("ssh takes one host; a command goes after --");
  requireLinuxRoot();
  const { status, signal } = spawnSync("ssh", [...(await lab.sshArgs(host)), ...remote], { stdio: "inherit" });
  return status ?? (signal === null ? 1 : 255);
}
