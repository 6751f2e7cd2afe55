#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../lib/boot.sh" "$0" "$@"'
// about: "everything on this machine: lab up, rollout, proof; begin here"
import { relative } from "node:path";
import { $, chalk } from "zx";
import { invoked } from "../lib/invoked.mts";
import { inventoryDir } from "../lib/lab/paths.mts";

/** Everything on this machine: three hosts, the rollout, the same again to show that nothing changes, and how to go on. */
const here = import.meta.dirname;
/** The lab writes it beside the playbooks, wherever this is called from. */
const inventory = relative(process.cwd(), inventoryDir("default"));
const lab = $({ stdio: "inherit", nothrow: true });

function step(title: string): void {
  console.log(`\n${chalk.bold(title)}`);
}

const [word] = process.argv.slice(2);
if (word !== undefined) {
  const help = word === "-h" || word === "--help";
  process[help ? "stdout" : "stderr"].write(
    help
      ? `${invoked("demo")}: three hosts on this machine, the rollout over SSH, its proof, and how to go on. Takes no flags; needs root\n`
      : `demo.mts takes no "${word}"; see --help\n`,
  );
  process.exit(help ? 0 : 3);
}

/** As its user types it who has called this one the same way. */
const typed = (playbook: string): string => invoked("demo").replace("demo", playbook);

async function run(playbook: string, ...args: string[]): Promise<void> {
  console.log(chalk.dim(`$ ${typed(playbook)} ${args.join(" ")}`));
  const { exitCode } = await lab`${here}/${playbook}.mts ${args}`;
  if (exitCode) process.exit(exitCode);
}

step("1. Three bare hosts on this machine");
await run("lab", "up");
step("2. The rollout, and its proof");
await run("site", "-i", inventory, "--report", "report.html");
step("3. Once more: nothing left to change");
await run("site", "-i", inventory, "--check");
step("The cluster is up. What you can do now");
const next = [
  [`${typed("site")} -i ${inventory} -e max_payload=2MB --check --diff`, "see what a change would do"],
  [`${typed("verify")} -i ${inventory}`, "prove again that it works"],
  [`${typed("lab")} ssh nats-node-1`, "look around on a host"],
  [`${typed("lab")} down`, "take it all away"],
  ["report.html", "the run as a page"],
] as const;
const width = Math.max(...next.map(([command]) => command.length));
for (const [command, what] of next) console.log(`  ${command.padEnd(width)}    ${what}`);
