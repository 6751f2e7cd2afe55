import type { Facts } from "../../lib/engine/facts.mts";
import type { Resource } from "../../lib/engine/resource.mts";
import { cpuNumbers, cpuText } from "../../lib/inventory/units.mts";
import { argWords, grubArgs, kernelCmdlineArgs, rebootReport } from "../../lib/resources/kernel-args.mts";
import { kernelSupport } from "../../lib/resources/kernel-support.mts";
import { skipped } from "../../lib/resources/skipped.mts";
import type { Vars } from "../schema.mts";
import { CPU_ARGUMENTS, splitIsolcpus } from "./checks.mts";
import { reboot, updateEntries, updateGrub } from "./handlers.mts";

type Args = Readonly<Record<string, string>>;

/** What each argument must have been built into the kernel with (Kconfig). Without it the kernel passes the argument over in silence. */
const BUILT_WITH: Readonly<Record<string, string>> = { nohz_full: "NO_HZ_FULL", isolcpus: "CPU_ISOLATION", rcu_nocbs: "RCU_NOCB_CPU" };

/** What keeps the arguments from working on this host, all of it. */
export function obstacles(args: Args, facts: Facts): string[] {
  return [
    ...wrongCpus(args, facts),
    ...lackingSupport(args, facts),
    ...(facts.bootLoader ? [] : ["there is no boot loader that sampan knows (GRUB with update-grub, or systemd's kernel-install with /etc/kernel/cmdline)"]),
  ];
}

function wrongCpus(args: Args, { cpus }: Facts): string[] {
  return CPU_ARGUMENTS.filter((name) => args[name] !== undefined).flatMap((name) => {
    const list = cpuNumbers(name === "isolcpus" ? splitIsolcpus(args[name]!).cpus : args[name]!) ?? [];
    const beyond = list.filter((cpu) => !cpus.includes(cpu));
    if (beyond.length) return [`${name}=${args[name]} names CPU ${beyond.join(", ")}, but the host has ${cpus.length} (${cpus[0]} to ${cpus.at(-1)})`];
    return list.includes(0) ? [`${name}=${args[name]} takes CPU 0, which boots and keeps the house`] : [];
  });
}

function lackingSupport(args: Args, { kernel, kernelConfig }: Facts): string[] {
  const lacking = CPU_ARGUMENTS.filter((name) => args[name] !== undefined && kernelConfig && !kernelConfig.includes(`CONFIG_${BUILT_WITH[name]}`)).map(
    (name) => `the kernel ${kernel} is built without CONFIG_${BUILT_WITH[name]}, which ${name} needs`,
  );
  const [major = 0, minor = 0] = kernel.split(".").map(Number);
  // managed_irq came with Linux 5.6 (commit 11ea68f553e2)
  const tooOld = args["isolcpus"]?.includes("managed_irq") && (major < 5 || (major === 5 && minor < 6));
  return tooOld ? [...lacking, `the kernel ${kernel} is older than 5.6 and doesn't know isolcpus=managed_irq`] : lacking;
}

/** One clear failure, before anything is written, when the arguments can't work; and a word where that can't be known. */
function support(args: Args, facts: Facts): Resource {
  const lists = CPU_ARGUMENTS.filter((name) => args[name] !== undefined).map((name) => (name === "isolcpus" ? splitIsolcpus(args[name]!).cpus : args[name]!));
  const apart = [...new Set(lists.flatMap((text) => cpuNumbers(text) ?? []))];
  return kernelSupport({
    args: argWords(args),
    apart: cpuText(apart),
    obstacles: obstacles(args, facts),
    unknown: facts.kernelConfig
      ? undefined
      : `whether the kernel supports ${Object.keys(args).join(", ")} is unknown: neither /boot/config-${facts.kernel} nor /proc/config.gz can be read`,
  });
}

/** kernel_args through the host's boot loader, and the reboot that makes them real. */
export function kernelArgs({ kernel_args: args, kernel_reboot }: Pick<Vars, "kernel_args" | "kernel_reboot">, facts: Facts): Resource[] {
  const declared = Object.keys(args).length > 0;
  if (facts.container) return declared ? [skipped(`a container (${facts.container}) boots no kernel of its own`, grubArgs({ args }))] : [];
  if (!declared && !facts.bootLoader) return [];
  const set = facts.bootLoader === "systemd-boot" ? kernelCmdlineArgs({ args }).notify(updateEntries) : grubArgs({ args }).notify(updateGrub);
  return [
    ...(declared ? [support(args, facts)] : []),
    kernel_reboot === "rolling" ? set.notify(reboot) : set,
    ...(kernel_reboot === "report" ? [rebootReport({ needs: [`${set.type} ${set.name}`] })] : []),
  ];
}
