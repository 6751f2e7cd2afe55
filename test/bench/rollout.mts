import { cpSync } from "node:fs";
import { loadavg } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { available, type Competitor, SAMPAN, versions } from "./competitors.mts";
import type { Field } from "./field.mts";
import { hostNames } from "./inventories.mts";
import { type Command, endLeftovers, fail, type Peak, type Sample, timed } from "./measure.mts";

/** Samples by competitor. */
export type Cell = Record<string, Sample[]>;

export interface Cost extends Peak {
  connections: number;
  channels: number;
}

export interface Results {
  started: string;
  ended: string;
  command: string;
  commit: string;
  machine: string[];
  /** of one minute, before the first part and after each */
  load: number[];
  missing: string[];
  /** competitors' names by id, in the order of the tables */
  names: Record<string, string>;
  first?: Cell;
  /** by RTT in ms */
  noop: Record<string, Cell>;
  costs: Record<string, Cost>;
  /** no-op by number of hosts */
  scale: Record<string, { cell: Cell; sampanPeak: Peak }>;
  help?: number[];
}

export interface Plan {
  rounds: number;
  /** with a round trip time, where the slow take minutes */
  farRounds: number;
  rtts: readonly number[];
  /** numbers of hosts beside 3 */
  scale: readonly number[];
  only: readonly string[] | undefined;
  first: boolean;
}

/** Of a quick competitor, so many runs for one of a slow one's. */
const OFTEN = 5;
const HOSTS = 3;

export class Rollout {
  readonly #field: Field;
  readonly #plan: Plan;
  readonly #competitors: readonly Competitor[];
  readonly #tell: (text: string) => void;
  readonly results: Results;

  /** @param before of an earlier call, which this one goes on from: its parts stay */
  constructor(field: Field, plan: Plan, about: Pick<Results, "command" | "commit" | "machine">, tell: (text: string) => void, before?: Results) {
    const { competitors, missing } = available();
    this.#field = field;
    this.#plan = plan;
    this.#tell = tell;
    this.#competitors = competitors.filter((c) => !plan.only || plan.only.includes(c.id));
    this.results = before
      ? { ...before, command: `${before.command}\`, then \`${about.command}` }
      : {
          ...about,
          machine: [...about.machine, ...versions()],
          started: new Date().toISOString(),
          ended: "",
          load: [loadavg()[0]!],
          missing,
          names: Object.fromEntries(this.#competitors.map((c) => [c.id, c.name])),
          noop: {},
          costs: {},
          scale: {},
        };
  }

  /** @param keep is called after each part, with all that has been measured until then */
  async run(keep: (results: Results) => void): Promise<void> {
    const { rtts, scale, first } = this.#plan;
    const part = async (work: () => Promise<void>): Promise<void> => {
      await work();
      this.results.load.push(loadavg()[0]!);
      this.results.ended = new Date().toISOString();
      keep(this.results);
    };
    await this.#field.up(HOSTS);
    if (!this.results.help)
      await part(async () => {
        this.results.help = await this.#help();
      });
    await this.#converged(HOSTS);
    const noop = async (rtt: number): Promise<void> =>
      this.results.noop[rtt]
        ? undefined
        : part(async () => {
            this.results.noop[rtt] = await this.#noop(HOSTS, rtt, rtt ? this.#plan.farRounds : this.#plan.rounds);
          });
    for (const rtt of rtts.filter((t) => t === 0)) await noop(rtt);
    if (first && !this.results.first) {
      await part(async () => {
        this.results.first = await this.#first();
      });
      await this.#converged(HOSTS);
    }
    if (!Object.keys(this.results.costs).length) await part(() => this.#costs());
    for (const rtt of rtts.filter((t) => t > 0)) await noop(rtt);
    for (const hosts of scale) if (!this.results.scale[hosts]) await part(() => this.#many(hosts));
  }

  /** A run whose result isn't kept. */
  async #warm(command: Command): Promise<string> {
    return (await timed(this.#field.region, command)).stdout;
  }

  async #help(): Promise<number[]> {
    const command = { argv: [SAMPAN, "--help"] };
    await this.#warm(command); // bundles, where sources have changed
    const seconds: number[] = [];
    for (let i = 0; i < 20; i++) seconds.push((await timed(this.#field.region, command)).seconds);
    return seconds;
  }

  /** Everyone finds bare hosts, which are made anew for each run. */
  async #first(): Promise<Cell> {
    const names = hostNames(HOSTS),
      cell: Cell = {};
    const floor = await this.#converged(HOSTS);
    for (let round = 1; round <= this.#plan.rounds; round++) {
      for (const c of this.#competitors) {
        if (!c.first) continue;
        await this.#field.bare(names);
        const { hosts } = await this.#field.hosts(HOSTS);
        const sample = await timed(this.#field.region, c.first({ ...hosts, floor: this.#keyed(floor, hosts.inventory) }));
        (cell[c.id] ??= []).push(sample);
        this.#said(`first run ${round}`, c, sample);
      }
    }
    await endLeftovers();
    return cell;
  }

  /** The floor's archives hold nothing of a certain installation but the hosts' keys are new with each. */
  #keyed(floor: string, inventory: string): string {
    cpSync(`${inventory}/known_hosts`, `${floor}/known_hosts`);
    return floor;
  }

  /** Hosts as sampan leaves them. @returns the folder of the floor's scripts for them */
  async #converged(count: number): Promise<string> {
    const { hosts } = await this.#field.hosts(count);
    await this.#warm({ argv: [SAMPAN, "-i", hosts.inventory] });
    await sleep(1000);
    return (await this.#field.hosts(count, { floor: true, archives: true })).hosts.floor;
  }

  /** In turns, so that whatever else this machine does meets all of them. */
  async #noop(count: number, rtt: number, rounds: number, competitors = this.#competitors): Promise<Cell> {
    const { hosts, close } = await this.#field.hosts(count, { rtt, floor: true });
    const cell: Cell = {};
    // Masters that stay: nobody's first run counts, but of those that keep nothing and take minutes.
    for (const c of competitors.filter((c) => c.often || c.id === "tuned")) await this.#warm(c.noop(hosts));
    const often = competitors.filter((c) => c.often),
      slow = competitors.filter((c) => !c.often);
    for (let round = 1; round <= rounds; round++) {
      for (const c of [...Array.from({ length: OFTEN }, () => often).flat(), ...slow]) {
        const sample = await this.#unchanged(c, c.noop(hosts));
        (cell[c.id] ??= []).push(sample);
        if (!c.often) this.#said(`no-op ${count} hosts ${rtt} ms, ${round}`, c, sample);
      }
      for (const c of often) this.#said(`no-op ${count} hosts ${rtt} ms, ${round}`, c, cell[c.id]!.at(-1)!);
    }
    await endLeftovers();
    close();
    return cell;
  }

  /** What one leaves on a host is what all others would leave there: else they would undo each other's work. */
  async #unchanged(c: Competitor, command: Command): Promise<Sample> {
    const { stdout, ...sample } = await timed(this.#field.region, command);
    const changed = (stdout.match(/changed=(\d+)/g) ?? []).filter((m) => m !== "changed=0");
    if (!c.unchanged.test(stdout) || changed.length) fail(`${c.name} finds something to change on hosts that sampan has converged:\n${stdout.slice(-4000)}`);
    return sample;
  }

  /** Memory and connections, in runs of their own: looking costs. */
  async #costs(): Promise<void> {
    const { hosts } = await this.#field.hosts(HOSTS, { floor: true });
    const one = hostNames(1)[0]!;
    const drop = "/etc/ssh/sshd_config.d/bench.conf";
    await this.#on(one, `echo LogLevel VERBOSE >${drop}; systemctl reload ssh`);
    await sleep(500);
    for (const c of this.#competitors) {
      if (c.id === "warm") await this.#warm(c.noop(hosts));
      const since = await this.#on(one, "date +%s.%N");
      const most: Peak = { process: 0, together: 0 };
      await timed(this.#field.region, c.noop(hosts), (p) => {
        most.process = Math.max(most.process, p.process);
        most.together = Math.max(most.together, p.together);
      });
      const count = async (words: string): Promise<number> =>
        Number(await this.#on(one, `journalctl -o cat --since @${since.trim()} | grep -c '${words}' || :`));
      this.results.costs[c.id] = { ...most, connections: await count("^Accepted publickey"), channels: await count("^Starting session") };
      await endLeftovers();
    }
    await this.#on(one, `rm ${drop}; systemctl reload ssh`);
  }

  async #on(host: string, script: string): Promise<string> {
    const { code, stdout, stderr } = await this.#field.lab.exec(host, ["sh", "-c", script]);
    return code === 0 ? stdout : fail(`${host}: ${script}: ${stderr}`);
  }

  async #many(count: number): Promise<void> {
    await this.#field.up(count);
    await this.#converged(count);
    // The slowest tells nothing more, and takes minutes.
    const competitors = this.#competitors.filter((c) => c.id !== "default");
    const cell = await this.#noop(count, 0, 1, competitors);
    const { hosts } = await this.#field.hosts(count);
    const most: Peak = { process: 0, together: 0 };
    await timed(this.#field.region, { argv: [SAMPAN, "-i", hosts.inventory] }, (p) => {
      most.process = Math.max(most.process, p.process);
      most.together = Math.max(most.together, p.together);
    });
    this.results.scale[count] = { cell, sampanPeak: most };
  }

  #said(what: string, c: Competitor, { seconds, controllerCpu, hostsCpu }: Sample): void {
    this.#tell(`  ${what}: ${c.id} ${seconds.toFixed(2)} s, CPU ${controllerCpu.toFixed(2)} + ${hostsCpu.toFixed(2)} s`);
  }
}
