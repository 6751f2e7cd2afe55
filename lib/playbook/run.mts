import { setMaxListeners } from "node:events";
import { compile, plan, type RoleResources, type Step } from "../engine/compile.mts";
import type { Emit, EventInput, Status } from "../engine/events.mts";
import type { Facts } from "../engine/facts.mts";
import type { Session } from "../engine/session.mts";
import type { Outcome } from "../engine/step-events.mts";
import { type Host, type Inventory, UsageError } from "../inventory/types.mts";
import { pool } from "../pool.mts";
import type { Reporter } from "../report/reporter.mts";
import type { Options } from "./cli.mts";
import { Connections } from "./connections.mts";
import type { AnyHostRole, ClusterRole, HostRole } from "./role.mts";
import { Selection } from "./selection.mts";

export interface RunConfig<V, I extends Inventory<V> = Inventory<V>> {
  playbook: string;
  options: Options;
  inventory: I;
  /** the hosts of --limit */
  hosts: readonly Host<V>[];
  reporter: Reporter;
  /** false for playbooks that only read */
  writes: boolean;
  storeDir: (vars: V) => string;
  /** lines about what doesn't fit the real host */
  checkFacts: (host: Host<V>, facts: Facts) => readonly string[];
}

const noCounts = (): Record<Status, number> => ({ ok: 0, changed: 0, drift: 0, unknown: 0, skipped: 0, failed: 0 });

/** One run of a playbook: its hosts, what has happened so far, and how it ends. */
export class Run<V, I extends Inventory<V> = Inventory<V>> {
  readonly config: RunConfig<V, I>;
  readonly connections: Connections;
  readonly abort = new AbortController();
  readonly recap: Record<string, Record<Status, number>> = {};
  /** hosts that failed or were lost: nothing further is done on them */
  readonly out = new Set<string>();
  /** rolling handlers that are due, by host */
  readonly due = new Map<string, Step[]>();
  /** what the checks of a host told, by name */
  readonly outputs = new Map<string, Map<string, string>>();
  readonly selection: Selection;
  #stopped: string[] | undefined;
  #gaveUp = false;
  #signal = "SIGINT";

  constructor(config: RunConfig<V, I>) {
    this.config = config;
    // One listener per connection and wait: there may be many at once.
    setMaxListeners(0, this.abort.signal);
    this.selection = new Selection(config.options.startAtTask);
    this.connections = new Connections(
      {
        acceptNewHostKeys: config.options.acceptNewHostKeys,
        lock: config.writes && !config.options.check,
        playbook: config.playbook,
        storeDir: (host) => config.storeDir((host as Host<V>).vars),
      },
      this.emit,
    );
  }

  get mode(): "apply" | "check" {
    return this.config.options.check ? "check" : "apply";
  }
  get stopped(): boolean {
    return this.#stopped !== undefined;
  }

  readonly emit: Emit = (event: EventInput): void => {
    if (event.type === "task_end") (this.recap[event.lane] ??= noCounts())[event.status]++;
    if (event.type === "gate" && event.status === "failed") (this.recap[event.lane] ??= noCounts()).failed++;
    if (event.type === "host_unreachable") {
      this.connections.unreachable.add(event.lane);
      this.recap[event.lane] ??= noCounts();
    }
    this.config.reporter.event({ ...event, at: Date.now() });
  };

  /** Whether --role wants it. */
  wants(role: AnyHostRole<V> | ClusterRole<never>): boolean {
    const { roles } = this.config.options;
    return roles.length === 0 || roles.includes(role.name);
  }

  /** --check has found something on it already: what comes later can't be told from how the host is now. */
  wouldChange(host: Host<V>): boolean {
    const { drift, unknown } = this.recap[host.name] ?? noCounts();
    return this.mode === "check" && drift + unknown > 0;
  }

  /** Connects to all hosts, which takes their locks where the playbook writes: for what is done through NATS alone. */
  async reach(): Promise<void> {
    await this.#connect(this.config.hosts.filter((h) => !this.out.has(h.name)));
  }

  /** Some roles on all hosts (but those that `leaveOut` names) at once: one program each. */
  async hosts(phase: string, roles: readonly AnyHostRole<V>[], leaveOut: (host: Host<V>) => boolean = () => false): Promise<void> {
    const wanted = roles.filter((r) => this.wants(r)) as HostRole<V>[];
    const left = this.config.hosts.filter((h) => !this.out.has(h.name) && !leaveOut(h));
    if (!wanted.length || !left.length || this.stopsBefore(phase)) return;
    const since = performance.now();
    const ready = await this.#connect(left);
    if (!ready.length || this.givesUp()) return;
    const resources = await this.#resources(wanted, ready);
    const programs = ready.map(({ host, session }) => ({ host, session, steps: this.selection.steps(plan(resources.get(host.name)!)) }));
    this.selection.passed(programs.some(({ steps }) => steps.some((s) => s.kind === "resource")));
    this.emit({
      type: "phase_start",
      phase,
      lanes: programs.map((p) => p.host.name),
      tasks: Object.fromEntries(programs.map((p) => [p.host.name, p.steps.length])),
    });
    await pool(programs, this.config.options.forks, async ({ host, session, steps }) => {
      if (!steps.length || this.stopped || this.givesUp()) return;
      const outcome = await session.run(compile(steps, { mode: this.mode, diff: this.config.options.diff }), phase, this.emit);
      this.#settle(host, outcome, steps);
    });
    this.emit({ type: "phase_end", phase, ms: performance.now() - since });
  }

  /** Notes what an outcome means for the rest of the run. */
  #settle(host: Host<V>, outcome: Outcome, steps: readonly Step[]): void {
    if (!outcome.ok) this.out.add(host.name);
    if (outcome.stopped) {
      const done = Object.values(outcome.counts).reduce((a, b) => a + b, 0);
      this.noteStop(`${host.name}: after ${steps[done - 1]?.task ?? "no task"} (${done} of ${steps.length})`);
    }
    this.due.set(host.name, [...(this.due.get(host.name) ?? []), ...outcome.due]);
    this.outputs.set(host.name, new Map([...(this.outputs.get(host.name) ?? []), ...outcome.outputs]));
  }

  async #connect(left: readonly Host<V>[]): Promise<{ host: Host<V>; session: Session }[]> {
    const sessions = await pool(left, this.config.options.forks, async (host) => ({ host, session: await this.connections.to(host) }));
    for (const { host, session } of sessions) if (!session) this.out.add(host.name);
    const ready = sessions.filter((s): s is { host: Host<V>; session: Session } => s.session !== undefined);
    const unfit = [...twins(ready), ...ready.flatMap(({ host, session }) => this.config.checkFacts(host, session.facts))];
    if (unfit.length) throw new UsageError(unfit);
    return ready;
  }

  async #resources(roles: readonly HostRole<V>[], ready: readonly { host: Host<V>; session: Session }[]): Promise<Map<string, RoleResources[]>> {
    const { inventory } = this.config;
    const hosts = ready.map(({ host, session }) => ({ host, facts: session.facts }));
    const warn = (text: string): void => this.emit({ type: "warning", text });
    const prepared = await Promise.all(roles.map((r) => r.prepare({ inventory, hosts, dryRun: this.mode === "check", warn })));
    return new Map(
      hosts.map(({ host, facts }) => [
        host.name,
        roles.map((r, i) => ({ role: r.name, resources: r.resources({ host, vars: host.vars, facts, inventory, prepared: prepared[i] }) })),
      ]),
    );
  }

  /** Ctrl-C once: every host stops at its next step boundary. */
  stop(signal: string): void {
    this.#signal = signal;
    this.noteStop();
    this.emit({ type: "warning", text: `${signal}: stopping at the next step boundary; once more stops at once` });
    this.connections.stop();
    this.abort.abort(new Error("interrupted"));
  }

  /** More hosts have failed or can't be reached than --max-fail bears: nothing further is touched. Told once. */
  givesUp(): boolean {
    const { maxFail } = this.config.options;
    if (!maxFail || this.#gaveUp) return this.#gaveUp;
    const { hosts } = this.config;
    const failed = hosts.filter((h) => this.connections.unreachable.has(h.name) || this.recap[h.name]?.failed).map((h) => h.name);
    if (failed.length <= (maxFail.percent ? (hosts.length * maxFail.most) / 100 : maxFail.most)) return false;
    this.#gaveUp = true;
    const named = failed.length > 5 ? `${failed.slice(0, 5).join(", ")} …` : failed.join(", ");
    this.emit({
      type: "warning",
      text: `--max-fail ${maxFail.most}${maxFail.percent ? "%" : ""}: ${failed.length} of ${hosts.length} hosts have failed (${named}), so no further ones are touched; mend them and run the same command again`,
    });
    return true;
  }

  /** True when the run was stopped or gave up; the first thing that is left out for that is where it stopped. */
  stopsBefore(phase: string): boolean {
    if (this.#stopped?.length === 0) this.#stopped.push(`before: ${phase}`);
    return this.stopped || this.givesUp();
  }

  noteStop(where?: string): void {
    this.#stopped ??= [];
    if (where) this.#stopped.push(where);
  }

  /** The exit status that the run has earned so far. */
  get exit(): number {
    const counts = Object.values(this.recap);
    if (this.stopped) return 130;
    // First, as what failed for the cluster is mostly its consequence.
    if (this.connections.unreachable.size) return 4;
    if (counts.some((c) => c.failed)) return 1;
    return this.mode === "check" && counts.some((c) => c.drift || c.unknown) ? 2 : 0;
  }

  /** what stopped it */
  get signal(): string {
    return this.#signal;
  }
  get whereStopped(): readonly string[] {
    return this.#stopped ?? [];
  }
}

/** Hosts behind which there is one machine: a line for each that isn't the first. */
function twins<V>(ready: readonly { host: Host<V>; session: Session }[]): string[] {
  const machines = new Map<string, Host<V>>();
  return ready.flatMap(({ host, session: { facts } }) => {
    // Containers of one kernel may share its boot, and cloned machines their names.
    const machine = `${facts.bootId} ${facts.hostname}`;
    const twin = facts.bootId ? machines.get(machine) : undefined;
    machines.set(machine, twin ?? host);
    const at = (h: Host<V>): string => `${h.name} (${h.connection.address})`;
    return twin ? [`${at(host)} is the same machine as ${at(twin)}; give each host of hosts.yml its own address`] : [];
  });
}
