import { type Resource, resource, type ShellLibrary } from "../engine/resource.mts";
import { sh } from "../sh.mts";

/** By these names the playbook finds the two looks at a host's CPUs, as roles/verify/cpu-sample.mts reads them. */
export type SampleName = "cpus before" | "cpus after";

const library: ShellLibrary = {
  name: "cpu-sample",
  text: `
cpu_sample() { # NAME: counters of the CPUs, of nats-server's threads and of interrupts, each line after its file's name; two forks in all
  sp_pid=$(systemctl show -P MainPID nats-server 2>/dev/null)
  [ "\${sp_pid:-0}" != 0 ] || skip "nats-server doesn't run"
  tells "$1" "$(
    grep -s '' /dev/null /proc/uptime /sys/devices/system/cpu/isolated /sys/devices/system/cpu/nohz_full /proc/stat /proc/interrupts \\
      "/proc/$sp_pid"/task/*/stat "/proc/$sp_pid"/task/*/schedstat /proc/irq/*/effective_affinity_list
    grep -s '^Cpus_allowed_list' /dev/null "/proc/$sp_pid"/task/*/status
  )"
}`,
};

/** Looks at what the CPUs and nats-server's threads have done so far. Two looks make figures; each is one read of /proc. */
export const cpuSample = (name: SampleName): Resource =>
  resource({ type: "cpu-sample", name: name.replace("cpus ", ""), uses: [library], check: sh`cpu_sample ${name}`, apply: sh`:` });
