#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../lib/boot.sh" "$0" "$@"'
// about: "everything on this machine: lab up, rollout, proof; begin here"
import { $, chalk } from "zx";

/** Everything on this machine: three hosts, the rollout, the same again to show that nothing changes, and how to go on. */
const here = import.meta.dirname;
const lab = $({ stdio: "inherit", nothrow: true });

function step(title: string): void {
  console.log(`\n${chalk.bold(title)}`);
}

const [word] = process.argv.slice(2);
if (word !== undefined) {
  const help = word === "-h" || word === "--help";
  process[help ? "stdout" : "stderr"].write(
    help
      ? "./playbooks/demo.mts: three hosts on this machine, the rollout over SSH, its proof, and how to go on. Takes no flags; needs root\n"
      : `demo.mts takes no "${word}"; see --help\n`,
  );
  process.exit(help ? 0 : 3);
}

async function run(command: string, ...args: string[]): Promise<void> {
  console.log(chalk.dim(`$ ./playbooks/${command} ${args.join(" ")}`));
  const { exitCode } = await lab`${here}/${command} ${args}`;
  if (exitCode) process.exit(exitCode);
}

step("1. Three bare hosts on this machine");
await run("lab.mts", "up");
step("2. The rollout, and its proof");
await run("site.mts", "-i", "inventory/lab", "--report", "report.html");
step("3. Once more: nothing left to change");
await run("site.mts", "-i", "inventory/lab", "--check");
step("The cluster is up. What you can do now");
console.log(`  ./playbooks/site.mts -i inventory/lab -e max_payload=2MB --check --diff    see what a change would do
  ./playbooks/verify.mts -i inventory/lab                                    prove again that it works
  ./playbooks/lab.mts ssh nats-node-1                                        look around on a host
  ./playbooks/lab.mts down                                                   take it all away
  report.html                                                                the run as a page`);
