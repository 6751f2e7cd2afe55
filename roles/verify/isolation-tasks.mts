import { cpuList, type Facts } from "../../lib/engine/facts.mts";
import { cpuText } from "../../lib/inventory/units.mts";
import type { ClusterRole, HostRole } from "../../lib/playbook/role.mts";
import { cpuSample } from "../../lib/resources/cpu-sample.mts";
import type { Cluster } from "../cluster.mts";
import type { Vars } from "../schema.mts";
import { readCpuSample } from "./cpu-sample.mts";
import { type Isolation, judgeIsolation } from "./isolation.mts";

/** Whether CPUs are set apart here, by the inventory or by the running kernel's arguments. */
export const setsApart = ({ cpus }: Pick<Vars, "cpus">, { cmdline }: Facts): boolean => cpus !== undefined || /(^| )(isolcpus|nohz_full)=/.test(cmdline);

/** The second look at the CPUs; the first is taken where verify reads the hosts back. In between lies its load. */
export const cpusAfter: HostRole<Vars, void> = {
  kind: "host",
  name: "verify",
  prepare: async () => {},
  resources: () => [cpuSample("cpus after")],
};

/** Says of each host that sets CPUs apart whether that helps its nats-server or hurts it. A warning where it hurts, never a failure: the cluster works. */
export const isolation: ClusterRole<Cluster> = {
  kind: "cluster",
  name: "verify",
  list: (cluster) => cluster.hosts.filter((h) => h.vars.cpus !== undefined).map((h) => `CPU isolation: ${h.name}`),
  *tasks(cluster) {
    for (const host of cluster.hosts) {
      const told = cluster.outputs.get(host.name);
      const [first, last] = [told?.get("cpus before"), told?.get("cpus after")];
      if (first === undefined || last === undefined) continue;
      const [before, after] = [readCpuSample(first), readCpuSample(last)];
      const apart = host.vars.cpus ? cpuList(host.vars.cpus) : [...new Set([...after.isolated, ...after.nohzFull])];
      if (apart.length === 0) continue;
      const result = judgeIsolation(before, after, apart);
      yield {
        task: `CPU isolation: ${host.name}`,
        at: { file: "", line: 0 },
        run: async () => {
          show(cluster, host.name, result);
          if (result.verdict === "hurts") cluster.emit({ type: "warning", text: `${host.name}: CPU isolation hurts: ${result.why}; ${result.next}` });
          return { status: "ok", reason: `${words[result.verdict]}: ${result.why}` };
        },
      };
    }
  },
};

const words = { helps: "helps", hurts: "hurts", neither: "neither helps nor hurts", unknown: "can't be told" } as const;

function show({ emit, name }: Cluster, host: string, { rows }: Isolation): void {
  const n = (value: number): string => value.toFixed(0);
  emit({
    type: "table",
    title: `${name}: CPUs of ${host} under load`,
    columns: ["CPU", "busy", "threads of nats-server", "of its work", "ticks/s", "device interrupts/s"],
    rows: rows.map((r) => [cpuText(r.cpus), `${n(r.busy)} %`, String(r.threads), `${n(r.work)} %`, n(r.ticks), n(r.interrupts)]),
  });
}
