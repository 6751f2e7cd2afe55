import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { differences } from "../support/listing.mts";
import type { Running } from "../support/site.mts";
import type { Point, TrustHost } from "./host.mts";

/** What hits a run. `link`: the cable is out until the run has given up; `lid`: also the controller is gone meanwhile; `blip`: a second only. */
export const WAYS = ["controller", "master", "shell", "link", "lid", "blip", "power"] as const;
export type Way = (typeof WAYS)[number];

/** When: at a command or byte (the host waits for it), at the n-th start or end of a task as the controller hears of it, or after some ms. */
export type Moment = Point | { event: number } | { ms: number };

/** What a run is about: from a bare host, or from the one configuration to the other. */
export type Scenario = "bare" | "change";

/** One disturbed run, its rerun, and what was wrong with the host after it: nothing, one hopes. */
export interface Trial {
  scenario: Scenario;
  way: Way;
  moment: Moment;
  where: string;
  problems: string[];
  seconds: number;
}

const FIRST = "verify: { rate: 1000, seconds: 1, settle: 200ms }\nlame_duck_grace_period: 1s\n";
/** another program, a restart, a reload, a sysctl, the unit */
const SECOND = `${FIRST}nats_version: 2.10.27\nmax_payload: 2MB\nport: 4333\nsysctl: { net.core.somaxconn: 32768 }\nlimits: { nofile: 100000 }\n`;
const VARS = [FIRST, SECOND] as const;
const VERSIONS = ["2.15.1", "2.10.27"] as const;

/** Runs on one host that are hit, and compared with runs that nothing hit. */
export class Disturber {
  readonly host: TrustHost;
  /** as undisturbed runs leave the host: from bare, and under either configuration after changes */
  readonly #wanted: { bare: string[]; after: string[][]; audit: string[] };
  /** how many commands the undisturbed runs took, and how many starts and ends of tasks they told */
  readonly length: Record<Scenario, { commands: number; events: number }>;
  /** which configuration the host has now */
  #now = 0;

  private constructor(host: TrustHost, wanted: { bare: string[]; after: string[][]; audit: string[] }, length: Disturber["length"]) {
    this.host = host;
    this.#wanted = wanted;
    this.length = length;
  }

  static async on(host: TrustHost): Promise<Disturber> {
    const { site } = host;
    const undisturbed = async (vars: string): Promise<{ commands: number; events: number }> => {
      site.vars(vars);
      await host.arm({ command: 0 });
      const run = await site.rollout(...host.args);
      return { commands: (await host.commands()).length, events: run.of("task_start").length + run.of("task_end").length };
    };
    await host.scrub();
    const bareLength = await undisturbed(FIRST);
    const [bare, audit] = [await host.fingerprint(), await host.audit()];
    const change = await undisturbed(SECOND);
    const second = await host.fingerprint();
    await undisturbed(FIRST);
    return new Disturber(host, { bare, audit, after: [await host.fingerprint(), second] }, { bare: bareLength, change });
  }

  async trial(scenario: Scenario, moment: Moment, way: Way): Promise<Trial> {
    const {
      host,
      host: { site },
    } = this;
    const since = performance.now();
    const to = scenario === "bare" ? 0 : 1 - this.#now;
    if (scenario === "bare") await host.scrub();
    // so that each change has its push
    else await host.sh(`rm -rf /opt/nats-server/${VERSIONS[to]}`);
    site.vars(VARS[to]!);
    this.#now = to;
    const held = "command" in moment || "bytes" in moment;
    if (held) await host.arm(moment);
    const running = site.start(...host.args);
    const where = held ? ((await host.reached(running.result)) ?? "") : await this.#wait(running, moment);
    const problems = await this.#hit(running, way);
    problems.push(...(await this.#rerun(scenario, to)));
    return { scenario, way, moment, where, problems, seconds: Math.round((performance.now() - since) / 1000) };
  }

  async #wait(running: Running, moment: { event: number } | { ms: number }): Promise<string> {
    if ("ms" in moment) {
      await Promise.race([sleep(moment.ms), running.result]);
      return `after ${moment.ms} ms`;
    }
    let left = moment.event;
    const found = await running.until((e) => (e.type === "task_start" || e.type === "task_end") && --left === 0, "that many events").catch(() => undefined);
    return found && "task" in found ? `${found.type} ${found.task}` : "";
  }

  /** @returns what is wrong with how the run ended */
  async #hit(running: Running, way: Way): Promise<string[]> {
    const {
      host,
      host: {
        site: { lab },
        name,
      },
    } = this;
    switch (way) {
      case "controller":
        running.signal("SIGKILL");
        await running.result;
        await host.release();
        return [];
      case "master":
        for (const pid of this.#masters()) process.kill(pid, "SIGKILL");
        break;
      case "shell":
        await host.sh("read -r pid </run/trust/shell && kill -KILL $pid || :");
        break;
      case "power":
        await host.powerCycle();
        break;
      case "link":
      case "lid":
      case "blip":
        await lab.linkDown(name);
    }
    if (way !== "power") await host.release();
    if (way === "blip") await sleep(1500);
    if (way === "lid") {
      await sleep(500);
      running.signal("SIGKILL");
    }
    if (way === "blip") await lab.linkUp(name);
    const { status, stderr, told } = await running.result;
    if (way === "link" || way === "lid") await lab.linkUp(name);
    if (way === "lid") return [];
    if (way === "blip") return status === 0 ? [] : [`a blip of the network ended the run: ${status} ${told}`];
    const fine = status === 0 || ((status === 1 || status === 4) && stderr === "");
    return fine ? [] : [`the run that was hit ended badly: ${status} ${told}`];
  }

  async #rerun(scenario: Scenario, to: number): Promise<string[]> {
    const {
      host,
      host: { site },
    } = this;
    const problems: string[] = [];
    const rerun = await site.run(...host.args);
    if (rerun.status !== 0) problems.push(`the rerun: exit ${rerun.status} ${rerun.told}`);
    const wanted = scenario === "bare" ? this.#wanted.bare : this.#wanted.after[to]!;
    problems.push(...differences(wanted, await host.fingerprint()), ...(await host.leftovers()).map((l) => `left: ${l}`));
    const audit = await host.audit();
    problems.push(...audit.filter((l) => l.startsWith("not a line")));
    if (scenario === "bare") problems.push(...audit.filter((l) => !this.#wanted.audit.includes(l)).map((l) => `in the audit log: ${l}`));
    const check = await site.run("--check", ...host.args);
    if (check.status !== 0) problems.push(`--check after it: exit ${check.status} ${check.told}`, ...check.deviations);
    problems.push(...this.#masters().map((pid) => `an ssh process of the run is left: ${pid}`));
    return problems;
  }

  /** ssh processes on this machine that belong to runs with this inventory */
  #masters(): number[] {
    const known = `${this.host.site.inventory}/known_hosts`;
    return readdirSync("/proc")
      .filter((p) => /^\d+$/.test(p) && existsSync(`/proc/${p}/cmdline`))
      .filter((p) => {
        try {
          return /^ssh\0-M\0/.test(readFileSync(`/proc/${p}/cmdline`, "utf8")) && readFileSync(`/proc/${p}/cmdline`, "utf8").includes(known);
        } catch {
          return false;
        }
      })
      .map(Number);
  }
}
