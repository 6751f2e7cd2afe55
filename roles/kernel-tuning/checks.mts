import type { Check } from "../../lib/inventory/load.mts";
import { cpuNumbers } from "../../lib/inventory/units.mts";
import { letsIn } from "../cluster-config/regions.mts";
import type { Vars } from "../schema.mts";

/** Arguments that take CPUs away from the kernel's housekeeping. */
export const CPU_ARGUMENTS = ["isolcpus", "nohz_full", "rcu_nocbs"] as const;
const FLAGS = new Set(["domain", "managed_irq", "nohz"]);

/** `managed_irq,2-7` → its flags and its CPU list. */
export function splitIsolcpus(value: string): { flags: string[]; cpus: string } {
  const words = value.split(",");
  const first = words.findIndex((word) => !/[a-z]/i.test(word));
  return { flags: first < 0 ? words : words.slice(0, first), cpus: first < 0 ? "" : words.slice(first).join(",") };
}

const isolation: Check<Vars> = ({ hosts, error, warn }) => {
  for (const host of hosts) {
    const args = host.vars.kernel_args;
    for (const name of CPU_ARGUMENTS) {
      if (args[name] === undefined) continue;
      const path = ["kernel_args", name];
      const { flags, cpus } = name === "isolcpus" ? splitIsolcpus(args[name]) : { flags: [], cpus: args[name] };
      const numbers = cpus === "all" ? [0] : cpuNumbers(cpus);
      const wrong = flags.find((flag) => !FLAGS.has(flag));
      if (wrong) error(host, path, `kernel_args.${name}: "${wrong}" is no flag of isolcpus; write for example "managed_irq,2-7"`);
      else if (!numbers)
        error(host, path, `kernel_args.${name}: "${args[name]}" names no CPUs; write for example ${name === "isolcpus" ? `"managed_irq,2-7"` : `"2-7"`}`);
      else if (numbers.includes(0)) error(host, path, `kernel_args.${name} takes CPU 0, which boots and keeps the house; start at 1 or above`);
      if (name !== "isolcpus" || !numbers) continue;
      if (flags.length === 0 || flags.includes("domain"))
        warn(
          host,
          path,
          `kernel_args.isolcpus ${flags.length === 0 ? "without a flag means domain, which" : "with domain"} switches load balancing off: the server's threads pile up on one CPU; write "managed_irq,${cpus}"`,
        );
      else if (!flags.includes("managed_irq")) warn(host, path, `kernel_args.isolcpus leaves interrupts on the isolated CPUs; write "managed_irq,${cpus}"`);
    }
    if (args.nohz_full !== undefined && args.rcu_nocbs === undefined)
      warn(host, ["kernel_args", "nohz_full"], `kernel_args.nohz_full is of little use without rcu_nocbs; add rcu_nocbs: "${args.nohz_full}"`);
  }
};

/** An outgoing connection on a port of ours would keep the server from starting. */
const ephemeral: Check<Vars> = ({ hosts, error, warn }) => {
  for (const host of hosts) {
    const range = host.vars.sysctl["net.ipv4.ip_local_port_range"];
    if (range === undefined) continue;
    const [low, high] = range.trim().split(/\s+/).map(Number) as [number, number];
    const path = ["sysctl", "net.ipv4.ip_local_port_range"];
    if (!(low >= 1 && low < high && high <= 65535)) {
      error(host, path, `sysctl net.ipv4.ip_local_port_range: "${range}" is no range; write for example "10240 65535"`);
      continue;
    }
    const { port: client, http_port, cluster, region_port } = host.vars;
    for (const port of [client, http_port, cluster.port, ...(letsIn(host.vars).length ? [region_port] : [])])
      if (port >= low && port <= high)
        warn(host, path, `port ${port} lies among the outgoing ports ${low} to ${high}, so that another program may hold it; start the range above it`);
  }
};

const names: Check<Vars> = ({ hosts, error }) => {
  for (const host of hosts) {
    for (const name of Object.keys(host.vars.sysctl))
      if (!/^[\w-]+([./][\w.*:@-]+)+$/.test(name)) error(host, ["sysctl", name], `"${name}" is no name of a sysctl; write for example net.core.somaxconn`);
    for (const name of Object.keys(host.vars.kernel_args))
      if (!/^[\w.-]+$/.test(name)) error(host, ["kernel_args", name], `"${name}" is no name of a kernel argument; write for example nohz_full`);
  }
};

export const checks = [isolation, ephemeral, names];
