import type { LoadedInventory } from "../lib/inventory/load.mts";
import type { Host } from "../lib/inventory/types.mts";
import { bytes, cpuNumbers } from "../lib/inventory/units.mts";
import { CPU_ARGUMENTS, splitIsolcpus } from "./kernel-tuning/checks.mts";
import { canGoDown, skippedMinors } from "./nats-install/version.mts";
import type { Vars } from "./schema.mts";

/** What the connecting exchange tells of a host, as far as the inventory depends on it. */
export interface CheckedFacts {
  /** number of CPUs, numbered from 0 */
  cpus: number;
  /** bytes of main memory, when known */
  memory?: number;
  /** version of nats-server there, when its store holds streams */
  stored?: string;
}

/**
 * Compares the inventory with the real host before anything is changed.
 * @returns lines `file:line:column: what; what to do`; none when all fits
 */
export function validateAgainstFacts(inventory: LoadedInventory<Vars>, host: Host<Vars>, { cpus, memory, stored }: CheckedFacts): string[] {
  const lines: string[] = [];
  const say = (path: string[], text: string) => lines.push(`${inventory.originOf(host.name, path)}: ${text}`);
  const lists: [string[], string][] = CPU_ARGUMENTS.filter((name) => host.vars.kernel_args[name] !== undefined).map((name) => [
    ["kernel_args", name],
    name === "isolcpus" ? splitIsolcpus(host.vars.kernel_args[name]!).cpus : host.vars.kernel_args[name]!,
  ]);
  for (const name of ["cpus", "irq_affinity", "rps_cpus", "xps_cpus"] as const) if (host.vars[name] !== undefined) lists.push([[name], host.vars[name]]);
  for (const [path, list] of lists) {
    const beyond = cpuNumbers(list)?.filter((cpu) => cpu >= cpus) ?? [];
    const last = cpus === 1 ? "only CPU 0" : `CPUs 0 to ${cpus - 1}`;
    if (beyond.length > 0) say(path, `${path.join(".")} names CPU ${beyond[0]}, but ${host.name} has ${last}; correct the list`);
  }
  const { nats_version: version, allow_unsupported_downgrade: allowed, allow_skipped_minors: far } = host.vars;
  if (stored !== undefined && !allowed && /^\d+\.\d+\.\d+/.test(stored) && !canGoDown(stored, version)) {
    say(
      ["nats_version"],
      `${host.name} has streams written by ${stored}, which ${version} can't read; keep ${stored}, or back them up and set allow_unsupported_downgrade: true`,
    );
  }
  const skipped = stored !== undefined && !far && /^\d+\.\d+\.\d+/.test(stored) ? skippedMinors(stored, version) : [];
  if (skipped.length) {
    say(
      ["nats_version"],
      `${host.name} has streams written by ${stored}, and ${version} goes over ${skipped.join(" and ")}; go to ${skipped[0]}.x first, or all the way at once by ./playbooks/upgrade.mts --to ${version} --skip-minors`,
    );
  }
  if (memory !== undefined) {
    const { jetstream, gomemlimit } = host.vars;
    if (jetstream.enabled && bytes(jetstream.max_mem) > memory)
      say(["jetstream", "max_mem"], `jetstream.max_mem ${jetstream.max_mem} is more than ${host.name} has (${(memory / 2 ** 30).toFixed(1)} GiB); lower it`);
    if (/\d[a-z]*$/i.test(gomemlimit) && bytes(gomemlimit) > memory)
      say(["gomemlimit"], `gomemlimit ${gomemlimit} is more than ${host.name} has (${(memory / 2 ** 30).toFixed(1)} GiB); lower it, or write for example 80%`);
  }
  return lines;
}
