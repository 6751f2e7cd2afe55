import type { Facts } from "../../lib/engine/facts.mts";
import type { Resource } from "../../lib/engine/resource.mts";
import type { HostRole } from "../../lib/playbook/role.mts";
import { absent } from "../../lib/resources/absent.mts";
import { directory } from "../../lib/resources/directory.mts";
import { file } from "../../lib/resources/file.mts";
import { skipped } from "../../lib/resources/skipped.mts";
import { sysctl } from "../../lib/resources/sysctl.mts";
import { sysctlBoot } from "../../lib/resources/sysctl-boot.mts";
import { sysfs } from "../../lib/resources/sysfs.mts";
import type { Vars } from "../schema.mts";
import { devices } from "./devices.mts";
import { kernelArgs } from "./kernel-args.mts";
import { effective, sysctlFile } from "./sysctls.mts";

const HUGEPAGES = "/sys/kernel/mm/transparent_hugepage/enabled";
const GOVERNORS = "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor";
const AT_BOOT = "/etc/tmpfiles.d/90-sampan-kernel.conf";

/** The kernel as a message server wants it: now, and after every boot. What a container may not set is skipped with the reason. */
export const kernelTuning: HostRole<Vars, void> = {
  kind: "host",
  name: "kernel-tuning",
  prepare: async () => {},
  resources: ({ vars, facts }) => [
    ...kernelArgs(vars, facts),
    ...sysctls(vars, facts),
    directory({ path: "/etc/security/limits.d" }),
    file({ path: "/etc/security/limits.d/90-sampan-nats.conf", content: limitsFile(vars.limits) }),
    ...choices(vars, facts),
    ...devices(vars, facts),
  ],
};

function sysctls(vars: Vars, { container }: Facts): Resource[] {
  const values = effective(vars.sysctl);
  return [
    directory({ path: "/etc/sysctl.d" }),
    file({ path: "/etc/sysctl.d/99-sampan.conf", content: sysctlFile(values) }),
    ...Object.entries(values).map(([key, value]) => sysctl({ key, value, container })),
    sysctlBoot({ name: "99-sampan.conf", values }),
  ];
}

/** limits.conf(5) has memlock in KiB. */
function limitsFile({ nofile, nproc, memlock }: Vars["limits"]): string {
  const items = { nofile, nproc, memlock: memlock === undefined ? undefined : Math.ceil(memlock / 1024) };
  const lines = Object.entries(items)
    .filter(([, value]) => value !== undefined)
    .flatMap(([item, value]) => [`nats soft ${item} ${value}\n`, `nats hard ${item} ${value}\n`]);
  return `# Managed by sampan: change \`limits:\` in the inventory instead. For logins and su; the service has the same in its unit.\n${lines.join("")}`;
}

/** Transparent huge pages and the CPU governor: in /sys now, and through tmpfiles.d at every boot. */
function choices({ transparent_hugepage: hugepage, cpu_governor: governor }: Vars, facts: Facts): Resource[] {
  const readOnly = facts.container ? `not settable in a container (${facts.container})` : "not settable on this host";
  const noHugepages = "this kernel has no transparent huge pages",
    noGovernor = "this kernel manages no CPU frequencies";
  const lines = [
    ...(hugepage !== "leave" && facts.transparentHugepage ? [`w ${HUGEPAGES} - - - - ${hugepage}\n`] : []),
    ...(governor !== "leave" && facts.governor !== undefined ? [`w ${GOVERNORS} - - - - ${governor}\n`] : []),
  ];
  const atBoot = lines.length
    ? file({
        path: AT_BOOT,
        content: `# Managed by sampan: change \`transparent_hugepage:\` and \`cpu_governor:\` in the inventory instead.\n${lines.join("")}`,
      })
    : absent({ path: AT_BOOT });
  return [
    ...(hugepage === "leave" ? [] : [sysfs({ path: HUGEPAGES, value: hugepage, absent: noHugepages, readOnly })]),
    ...(governor === "leave" ? [] : [sysfs({ path: GOVERNORS, value: governor, absent: noGovernor, readOnly })]),
    ...(lines.length ? [directory({ path: "/etc/tmpfiles.d" })] : []),
    skipped(facts.container && lines.length ? readOnly : undefined, atBoot),
  ];
}
