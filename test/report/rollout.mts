import { resolve } from "node:path";
import { unifiedDiff } from "../../lib/engine/diff.mts";
import type { Change, Event, EventInput, Status } from "../../lib/engine/events.mts";

export interface Scenario {
  hosts?: number;
  mode?: "apply" | "check";
  /** a task of the second host fails, and the third is unreachable when there are more than three */
  broken?: boolean;
  /** everything is in order already */
  noop?: boolean;
  /** the first rollout: nearly everything changes */
  bare?: boolean;
  /** Ctrl-C in the middle of the second phase */
  interrupted?: boolean;
}

const ROLES = ["kernel-tuning", "nats-install", "cluster-config", "jetstream-setup", "verify"];
const START = Date.UTC(2026, 0, 15, 9, 30, 0);
const CWD = process.cwd();

const SYSCTLS = [
  "core.somaxconn",
  "core.netdev_max_backlog",
  "core.rmem_max",
  "core.wmem_max",
  "ipv4.tcp_rmem",
  "ipv4.tcp_wmem",
  "ipv4.tcp_max_syn_backlog",
  "ipv4.tcp_keepalive_time",
  "ipv4.tcp_keepalive_intvl",
  "ipv4.tcp_keepalive_probes",
  "ipv4.ip_local_port_range",
  "ipv4.tcp_slow_start_after_idle",
];
const TASKS: [role: string, task: string, ms: number][] = [
  ...SYSCTLS.map((s): [string, string, number] => ["kernel-tuning", `sysctl net.${s}`, 2]),
  ...["vm.swappiness", "vm.dirty_ratio", "vm.dirty_background_ratio", "fs.file-max"].map((s): [string, string, number] => ["kernel-tuning", `sysctl ${s}`, 2]),
  ["kernel-tuning", "limits nofile", 4],
  ["kernel-tuning", "transparent-hugepage madvise", 3],
  ["kernel-tuning", "cpu-governor performance", 3],
  ["kernel-tuning", "io-scheduler none", 5],
  ["kernel-tuning", "kernel-args nohz_full=2-7 isolcpus=managed_irq,2-7 rcu_nocbs=2-7", 14],
  ["nats-install", "user nats", 8],
  ["nats-install", "directory /opt/nats/2.15.1", 3],
  ["nats-install", "artifact nats-server 2.15.1", 1900],
  ["nats-install", "link /usr/local/bin/nats-server", 3],
  ["nats-install", "directory /var/lib/nats/jetstream", 3],
  ["cluster-config", "directory /etc/nats", 3],
  ["cluster-config", "file /etc/nats/tls/ca.crt", 5],
  ["cluster-config", "file /etc/nats/tls/node.crt", 5],
  ["cluster-config", "file /etc/nats/tls/node.key", 5],
  ["cluster-config", "template /etc/nats/nats-server.conf", 46],
  ["cluster-config", "systemd-unit nats-server.service", 38],
  ["cluster-config", "service nats-server", 210],
];

/** The events of one rollout, in time order: what the engine would emit, without an engine. Deterministic. */
export function rollout(scenario: Scenario = {}): Event[] {
  const { hosts: count = 3, mode = "apply" } = scenario;
  const hosts = Array.from({ length: count }, (_, i) => `nats-node-${i + 1}`);
  const events: Event[] = [];
  const emit = (ms: number, e: EventInput): void => void events.push({ at: START + ms, ...e } as Event);
  const unreachable = scenario.broken && count > 3 ? hosts[2] : undefined;
  const failing = scenario.broken ? hosts[1] : undefined;
  const recap: Record<string, Record<Status, number>> = {};
  for (const host of hosts) recap[host] = { ok: 0, changed: 0, drift: 0, unknown: 0, skipped: 0, failed: 0 };

  emit(0, { type: "run_start", playbook: resolve(CWD, "playbooks/site.mts"), inventory: "inventory/hk", mode, hosts, roles: ROLES });
  if (count % 2 === 0)
    emit(2, { type: "warning", text: `inventory/hk/hosts.yml: ${count} JetStream nodes: an even number tolerates no more failures than ${count - 1}` });
  hosts.forEach((lane, i) => {
    if (lane === unreachable) {
      emit(3100, {
        type: "host_unreachable",
        lane,
        failure: {
          what: "no answer on 10.20.0.13 port 22 within 3 s",
          command: "ssh -p 22 ops@10.20.0.13",
          exit: 255,
          output: "ssh: connect to host 10.20.0.13 port 22: Connection timed out",
          next: "check that the host is up and that port 22 is open from here: ssh -p 22 ops@10.20.0.13",
        },
      });
    } else emit(150 + ((i * 37) % 220), { type: "host_connected", lane, ms: 150 + ((i * 37) % 220), facts: { cpus: 8, memory: 16_777_216_000 } });
  });

  let begin = unreachable ? 3150 : 400;
  const up = hosts.filter((h) => h !== unreachable);
  for (const phase of ["install", "configure"]) {
    const tasks = TASKS.filter(([role]) => (phase === "install" ? role !== "cluster-config" : role === "cluster-config"));
    emit(begin, { type: "phase_start", phase, lanes: up, tasks: Object.fromEntries(up.map((h) => [h, tasks.length])) });
    const phaseStart = begin;
    let last = begin;
    up.forEach((lane, lanePos) => {
      let at = begin + 60 + ((lanePos * 53) % 170);
      for (const [role, task, base] of tasks) {
        const location = { file: resolve(CWD, `roles/${role}/tasks.mts`), line: 10 + TASKS.findIndex((t) => t[1] === task) };
        const ms = Math.round(base * (1 + ((lanePos * 7) % 10) / 10)) + (scenario.bare ? 18 : 0);
        emit(at, { type: "task_start", lane, phase, role, task, location });
        if (task.startsWith("artifact") && scenario.bare) {
          for (let i = 1; i < 9; i++) emit(at + (ms * i) / 9, { type: "task_progress", lane, role, task, text: `${(i * 2.1).toFixed(1)} of 18.9 MB` });
        }
        if (scenario.interrupted && phase === "configure" && task.startsWith("systemd-unit")) break;
        at += ms;
        const end = outcome(scenario, lane, failing, task);
        recap[lane]![end.status]++;
        emit(at, { type: "task_end", lane, phase, role, task, location, ms, changes: [], ...end });
        if (end.status === "failed") break;
        at += 4;
      }
      last = Math.max(last, at);
    });
    begin = last + 20;
    if (scenario.interrupted && phase === "configure")
      emit(begin, { type: "stopped", signal: "SIGINT", where: up.map((h) => `${h}: after cluster-config, template /etc/nats/nats-server.conf`) });
    emit(begin, { type: "phase_end", phase, ms: begin - phaseStart });
    begin += 30;
  }
  if (mode === "apply" && !scenario.noop && !scenario.interrupted && !scenario.broken) begin = roll(emit, up, begin, recap);
  if (!scenario.interrupted && !scenario.broken && mode === "apply") {
    emit(begin, {
      type: "table",
      title: "verify nats-cluster-hk",
      columns: ["check", "asset", "result", "detail"],
      rows: [
        ["reachable", "nats-node-1", "ok", "2.15.1, 0.8 ms"],
        ["routes", "nats-cluster-hk", "ok", "full mesh, 3 peers"],
        ["replicas", "stream LOGS", "ok", "3 current, lag 0"],
        ["push", "queue group, 6 workers", "ok", "60,000 msgs exactly once"],
        ["pull", "consumer pull-worker", "ok", "60,000 acked, 0 redelivered"],
      ],
    });
    emit(begin, {
      type: "table",
      title: "latency (ms)",
      columns: ["path", "msg/s", "p50", "p99", "p99.9"],
      rows: [
        ["push", "20,011", "0.42", "1.90", "4.75"],
        ["pull", "19,998", "0.88", "3.10", "9.02"],
      ],
    });
  }
  const total = Object.values(recap).reduce((a, r) => a + r.failed, 0);
  const drift = Object.values(recap).reduce((a, r) => a + r.drift, 0);
  events.sort((a, b) => a.at - b.at);
  emit(begin, { type: "run_end", ms: begin, exit: scenario.interrupted ? 130 : unreachable ? 4 : total > 0 ? 1 : drift > 0 ? 2 : 0, recap });
  return events;
}

function roll(emit: (ms: number, e: EventInput) => void, hosts: readonly string[], from: number, recap: Record<string, Record<Status, number>>): number {
  let at = from;
  const location = { file: resolve(CWD, "roles/cluster-config/handlers.mts"), line: 12 };
  emit(at, { type: "phase_start", phase: "restart", lanes: [...hosts], tasks: Object.fromEntries(hosts.map((h) => [h, 1])) });
  for (const lane of hosts) {
    emit(at, { type: "task_start", lane, phase: "restart", role: "cluster-config", task: "restart nats-server", location });
    at += 480;
    recap[lane]!.changed++;
    emit(at, {
      type: "task_end",
      lane,
      phase: "restart",
      role: "cluster-config",
      task: "restart nats-server",
      location,
      status: "changed",
      ms: 480,
      changes: [],
      handler: true,
    });
    for (let i = 3; i > 0; i--)
      emit(at + (3 - i) * 400, { type: "gate", lane, gate: "streams current", status: "waiting", ms: (3 - i) * 400, detail: `LOGS: lag ${i * 512}` });
    at += 1300;
    emit(at, { type: "gate", lane, gate: "streams current", status: "passed", ms: 1300, detail: "LOGS: 3 replicas, lag 0" });
  }
  emit(at, { type: "phase_end", phase: "restart", ms: at - from });
  return at + 10;
}

type Outcome = Partial<Omit<Extract<Event, { type: "task_end" }>, "status">> & { status: Status };

function outcome(s: Scenario, lane: string, failing: string | undefined, task: string): Outcome {
  if (task.startsWith("cpu-governor")) return { status: "skipped", reason: "a container has no cpufreq" };
  if (s.noop) return { status: "ok" };
  const differs = (changes: Change[], diff?: string): Outcome => ({ status: s.mode === "check" ? "drift" : "changed", changes, ...(diff ? { diff } : {}) });
  if (lane === failing && task.startsWith("template")) {
    return {
      status: "failed",
      failure: {
        what: "the new nats-server.conf is not valid; the old one stays in place",
        command: "nats-server -t -c /etc/nats/.nats-server.conf.sampan",
        exit: 1,
        output: 'nats-server: /etc/nats/.nats-server.conf.sampan:14:3: unknown field "max_payloda"\n',
        next: "correct the name in roles/cluster-config/templates/nats-server.conf.mustache, then run the same command again",
      },
    };
  }
  if (task.startsWith("template")) {
    const n = lane.replace(/\D+/, "");
    const conf = (payload: string): string =>
      `server_name: nats-node-${n}\nlisten: 0.0.0.0:4222\nhttp: 127.0.0.1:8222\n\nmax_payload: ${payload}\nmax_connections: 65536\n`;
    return differs(
      [{ attribute: "content", current: "sha256 5f2c", desired: "sha256 91ab" }],
      unifiedDiff("/etc/nats/nats-server.conf", conf("1MB"), conf("8MB")),
    );
  }
  if (task.endsWith("somaxconn")) return differs([{ attribute: "value", current: "4096", desired: "65535" }]);
  if (task === "limits nofile" && lane.endsWith("1"))
    return differs([
      { attribute: "soft", current: "1024", desired: "800000" },
      { attribute: "hard", current: "524288", desired: "800000" },
      { attribute: "file", current: "", desired: "/etc/security/limits.d/90-nats.conf" },
    ]);
  if (task.startsWith("service") && s.mode === "check") return { status: "unknown", reason: "depends on template /etc/nats/nats-server.conf" };
  if (s.bare)
    return differs(
      task.startsWith("sysctl")
        ? [{ attribute: "value", current: "212992", desired: "16777216" }]
        : [{ attribute: "state", current: "absent", desired: "present" }],
    );
  return { status: "ok" };
}
