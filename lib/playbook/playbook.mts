import { basename } from "node:path";
import type { Facts } from "../engine/facts.mts";
import type { Host, Inventory } from "../inventory/types.mts";
import { UsageError } from "../inventory/types.mts";
import { helpText, type Options, parseOptions, type Usage } from "./cli.mts";
import { Run } from "./run.mts";

interface Loaded<V, I> {
  inventory: I;
  hosts: readonly Host<V>[];
  /** the same with what a run writes down for it, e.g. secrets that it makes; called when nothing is left that could be refused */
  settle?: () => Promise<Loaded<V, I>>;
}

export interface PlaybookSpec<V, I extends Inventory<V>> extends Usage {
  /** reads and validates the inventory and writes nothing; no host is touched before it has succeeded */
  load: (options: Options) => Loaded<V, I> | Promise<Loaded<V, I>>;
  /** lines about what doesn't fit the real host, found before anything is changed on any */
  checkFacts: (inventory: I, host: Host<V>, facts: Facts) => readonly string[];
  /** false for playbooks that change no host */
  writes: boolean;
  /** true for playbooks that work through NATS: hosts are only reached where the way to NATS leads over them, and aren't shown */
  natsOnly?: boolean;
  storeDir: (vars: V) => string;
  /** what --list-tasks prints, as far as it can be known without connecting */
  tasks: (run: Run<V, I>) => Promise<{ role: string; task: string }[]>;
}

/** Runs a playbook: arguments, inventory, run, report, exit status. Errors of the user are lines on stderr and status 3. */
export async function playbook<V, I extends Inventory<V>>(spec: PlaybookSpec<V, I>, main: (run: Run<V, I>) => Promise<void>): Promise<never> {
  const script = process.argv[1]!;
  try {
    const options = parseOptions(process.argv.slice(2), spec);
    if (options === "help") return leave(0, helpText(script, spec));
    const loaded = await spec.load(options);
    if (options.listHosts) return leave(0, loaded.hosts.map((h) => `${h.name}  ${h.connection.address}\n`).join(""));
    const { reporters } = await import("../report/index.mts");
    const reporter = await reporters({ json: options.json, verbose: options.verbose, diff: options.diff, report: options.report, junit: options.junit });
    const runOf = ({ inventory, hosts }: Loaded<V, I>): Run<V, I> =>
      new Run<V, I>({
        playbook: basename(script).replace(/\.mts$/, ""),
        options,
        inventory,
        hosts,
        reporter,
        writes: spec.writes,
        storeDir: spec.storeDir,
        checkFacts: (host, facts) => spec.checkFacts(inventory, host, facts),
      });
    if (options.listTasks || options.startAtTask !== undefined) {
      const run = runOf(loaded);
      const tasks = (await spec.tasks(run)).filter((t) => options.roles.length === 0 || options.roles.includes(t.role));
      if (options.listTasks) return leave(0, tasks.map((t) => `${t.role}: ${t.task}\n`).join(""));
      run.selection.validate(tasks);
    }
    const ask = options.askBecomePass ? (await import("./password.mts")).withPassword : undefined;
    const password = ask && (await ask());
    const settled = loaded.settle ? await loaded.settle() : loaded;
    const { exit, lines } = await perform(spec, runOf(password ? { ...settled, hosts: password(settled.hosts) } : settled), main);
    return leave(exit, "", lines.map((l) => `${l}\n`).join(""));
  } catch (error) {
    if (error instanceof UsageError) return leave(3, "", error.lines.map((l) => `${l}\n`).join(""));
    throw error;
  }
}

async function perform<V, I extends Inventory<V>>(
  { roles, natsOnly }: PlaybookSpec<V, I>,
  run: Run<V, I>,
  main: (run: Run<V, I>) => Promise<void>,
): Promise<{ exit: number; lines: readonly string[] }> {
  const { options, inventory, hosts, playbook, reporter } = run.config;
  const since = Date.now();
  let lines: readonly string[] = [];
  run.emit({
    type: "run_start",
    playbook,
    inventory: inventory.dir,
    mode: run.mode,
    hosts: natsOnly ? [] : hosts.map((h) => h.name),
    roles: roles.filter((r) => !options.roles.length || options.roles.includes(r)),
  });
  for (const text of inventory.warnings) run.emit({ type: "warning", text });
  onInterrupt(run);
  try {
    await main(run);
  } catch (error) {
    // Wrong only in the light of the facts, and found before anything was changed.
    if (!(error instanceof UsageError)) throw error;
    lines = error.lines;
  } finally {
    await run.connections.close();
  }
  const exit = lines.length ? 3 : run.exit;
  if (run.stopped) run.emit({ type: "stopped", signal: run.signal, where: [...run.whereStopped] });
  run.emit({ type: "run_end", ms: Date.now() - since, exit, recap: run.recap });
  reporter.end();
  return { exit, lines };
}

/** Once: stop at the next step boundary. Twice: at once. */
function onInterrupt<V>(run: Run<V>): void {
  const stop = (signal: NodeJS.Signals): void => {
    if (!run.stopped) return run.stop(signal);
    run.connections.kill();
    process.exit(130);
  };
  process.on("SIGINT", stop).on("SIGTERM", stop).on("SIGHUP", stop);
  // Whoever reads our output is gone (a closed pager, a lost terminal): as with Ctrl-C, nothing is torn off in the middle.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE" && !run.stopped) run.stop("nobody reads the output any more");
  });
  process.on("exit", () => run.connections.kill());
}

/** Ends the process when all output has been taken. */
function leave(status: number, out = "", err = ""): Promise<never> {
  process.exitCode = status;
  return new Promise(() => process.stderr.write(err, () => process.stdout.write(out, () => process.exit(status))));
}
