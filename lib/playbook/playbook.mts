import { basename } from "node:path";
import type { Host, Inventory } from "../inventory/types.mts";
import { UsageError } from "../inventory/types.mts";
import { Secret } from "../secret.mts";
import { type Options, type Usage, helpText, parseOptions } from "./cli.mts";
import { Run } from "./run.mts";

export interface PlaybookSpec<V> extends Usage {
  /** reads and validates the inventory; no host is touched before it has succeeded */
  load: (options: Options) => { inventory: Inventory<V>; hosts: readonly Host<V>[] } | Promise<{ inventory: Inventory<V>; hosts: readonly Host<V>[] }>;
  /** false for playbooks that change no host */
  writes: boolean;
  storeDir: (vars: V) => string;
  /** what --list-tasks prints, `role: task` by role; nothing is connected for it */
  tasks: (inventory: Inventory<V>, hosts: readonly Host<V>[]) => Promise<{ role: string; task: string }[]>;
}

/** Runs a playbook: arguments, inventory, run, report, exit status. Errors of the user are lines on stderr and status 3. */
export async function playbook<V>(spec: PlaybookSpec<V>, main: (run: Run<V>) => Promise<void>): Promise<never> {
  const script = process.argv[1]!;
  try {
    const options = parseOptions(process.argv.slice(2), spec);
    if (options === "help") return leave(0, helpText(script, spec));
    const { inventory, hosts } = await spec.load(options);
    if (options.listHosts) return leave(0, hosts.map((h) => `${h.name}  ${h.connection.address}\n`).join(""));
    if (options.listTasks || options.startAtTask !== undefined) {
      const tasks = (await spec.tasks(inventory, hosts)).filter((t) => options.roles.length === 0 || options.roles.includes(t.role));
      if (options.listTasks) return leave(0, tasks.map((t) => `${t.role}: ${t.task}\n`).join(""));
      const { Selection } = await import("./selection.mts");
      new Selection(options.startAtTask).validate(tasks);
    }
    const asked = options.askBecomePass ? withPassword(hosts, await (await import("./password.mts")).askPassword("sudo password: ")) : hosts;
    return await perform(spec, { ...options }, inventory, asked, basename(script).replace(/\.mts$/, ""), main);
  } catch (error) {
    if (error instanceof UsageError) return leave(3, "", error.lines.map((l) => `${l}\n`).join(""));
    throw error;
  }
}

async function perform<V>(spec: PlaybookSpec<V>, options: Options, inventory: Inventory<V>, hosts: readonly Host<V>[], name: string, main: (run: Run<V>) => Promise<void>): Promise<never> {
  const { reporters } = await import("../report/index.mts");
  const reporter = await reporters({ json: options.json, verbose: options.verbose, diff: options.diff, report: options.report, junit: options.junit });
  const run = new Run<V>({ playbook: name, options, inventory, hosts, reporter, writes: spec.writes, storeDir: spec.storeDir });
  const since = Date.now();
  run.emit({ type: "run_start", playbook: name, inventory: inventory.dir, mode: run.mode, hosts: hosts.map((h) => h.name), roles: spec.roles.filter((r) => !options.roles.length || options.roles.includes(r)) });
  for (const text of inventory.warnings) run.emit({ type: "warning", text });
  onInterrupt(run);
  try {
    await main(run);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    // Found wrong only once the facts were known; still before anything was changed.
    finish(run, since, 3, error.lines);
    await run.connections.close();
    return leave(3);
  } finally {
    await run.connections.close();
    if (process.exitCode === undefined) process.exitCode = 1;
  }
  finish(run, since, run.exit);
  return leave(run.exit);

  function finish(run: Run<V>, since: number, exit: number, lines: readonly string[] = []): void {
    for (const line of lines) run.emit({ type: "warning", text: line });
    if (run.stopped) run.emit({ type: "stopped", signal: "SIGINT", where: [...run.whereStopped] });
    run.emit({ type: "run_end", ms: Date.now() - since, exit, recap: run.recap });
    reporter.end();
  }
}

/** Once: stop at the next step boundary. Twice: at once. */
function onInterrupt<V>(run: Run<V>): void {
  const stop = (signal: NodeJS.Signals): void => {
    if (!run.stopped) return run.stop(signal);
    run.connections.kill();
    process.exit(130);
  };
  process.on("SIGINT", stop).on("SIGTERM", stop).on("SIGHUP", stop);
  process.on("exit", () => run.connections.kill());
}

function withPassword<V>(hosts: readonly Host<V>[], password: Secret): Host<V>[] {
  return hosts.map((h) => (h.connection.become ? { ...h, connection: { ...h.connection, become_password: password } } : h));
}

/** Ends the process when all output has been taken. */
function leave(status: number, out = "", err = ""): Promise<never> {
  process.exitCode = status;
  return new Promise(() => process.stderr.write(err, () => process.stdout.write(out, () => process.exit(status))));
}
