import t from "tap";
import { readCpuSample } from "../../../roles/verify/cpu-sample.mts";
import { judgeIsolation } from "../../../roles/verify/isolation.mts";

interface Look {
  uptime: number;
  /** USER_HZ of work by CPU */
  busy: number[];
  /** last CPU, ms run, ms waited, allowed */
  threads: [cpu: number, ran: number, waited: number, allowed?: string][];
  ticks?: number[];
  interrupts?: number[];
  isolated?: string;
  nohzFull?: string;
}

/** As a host tells it: the lines of /proc with their file's name before them. */
const sample = ({ uptime, busy, threads, ticks = [0, 0, 0, 0], interrupts = [0, 0, 0, 0], isolated = "", nohzFull = "" }: Look) =>
  readCpuSample(
    [
      `/proc/uptime:${uptime} 1.0`,
      `/sys/devices/system/cpu/isolated:${isolated}`,
      `/sys/devices/system/cpu/nohz_full:${nohzFull}`,
      "/proc/stat:cpu  1 2 3 4 5 6 7 0 0 0",
      ...busy.map((n, cpu) => `/proc/stat:cpu${cpu} ${n} 0 0 99999 0 0 0 0 0 0`),
      "/proc/interrupts:           CPU0       CPU1       CPU2       CPU3",
      `/proc/interrupts: 31: ${interrupts.join(" ")} PCI-MSI 65537-edge      virtio2-input.0`,
      `/proc/interrupts:LOC: ${ticks.join(" ")}   Local timer interrupts`,
      "/proc/irq/31/effective_affinity_list:2",
      ...threads.flatMap(([cpu, ran, waited, allowed = "1-3"], i) => [
        // a name may hold anything
        `/proc/7/task/${i}/stat:${i} (a ) b) S 1 ${"0 ".repeat(34)}${cpu} 0 0`,
        `/proc/7/task/${i}/schedstat:${ran * 1e6} ${waited * 1e6} 5`,
        `/proc/7/task/${i}/status:Cpus_allowed_list:\t${allowed}`,
      ]),
    ].join("\n"),
  );
const idle: Look = { uptime: 100, busy: [0, 0, 0, 0], threads: [] };

t.test("what a host tells is read", async (t) => {
  const look = sample({
    uptime: 12.5,
    busy: [10, 200, 0, 0],
    threads: [[2, 300, 40]],
    ticks: [1, 2, 3, 4],
    interrupts: [9, 8, 7, 6],
    isolated: "1-3",
    nohzFull: "2,3",
  });
  t.match(look, { uptime: 12.5, isolated: [1, 2, 3], nohzFull: [2, 3] });
  t.same(look.cpus.get(1), { busy: 2, ticks: 2 });
  t.same(look.threads.get(0), { cpu: 2, ran: 300, waited: 40, allowed: [1, 2, 3] });
  t.same(look.interrupts.get("31 virtio2-input.0")?.counts.get(3), 6);
  t.same(look.interrupts.get("31 virtio2-input.0")?.to, [2]);
});

t.test("all threads on one CPU while others idle: isolcpus with domain hurts", async (t) => {
  const after = sample({
    ...idle,
    uptime: 110,
    busy: [100, 0, 950, 0],
    threads: [
      [2, 5000, 15000],
      [2, 4000, 16000],
    ],
    isolated: "1-3",
    nohzFull: "1-3",
  });
  const told = judgeIsolation(sample(idle), after, [1, 2, 3]);
  t.equal(told.verdict, "hurts");
  t.match(told.why, /^100 % of its work was on CPU 2 \(busy 95 %\) while CPU 1,3 had nothing to do, and its threads waited 78 % of their time for a CPU/);
  t.match(told.next, /managed_irq,1-3/);
  t.same(
    told.rows.map((r) => [r.cpus, r.threads, Math.round(r.busy)]),
    [
      [[1], 0, 0],
      [[2], 2, 95],
      [[3], 0, 0],
      [[0], 0, 10],
    ],
  );
});

t.test("threads that may run elsewhere: the CPUs set apart are left to nobody", async (t) => {
  const told = judgeIsolation(
    sample(idle),
    sample({
      ...idle,
      uptime: 110,
      threads: [
        [0, 9000, 100, "0"],
        [0, 1, 1, "0"],
      ],
      isolated: "1-3",
    }),
    [1, 2, 3],
  );
  t.match(told, { verdict: "hurts", why: /^2 of nats-server's 2 threads may run on other CPUs than 1-3/, next: /^set cpus: "1-3"/ });
});

t.test("spread, hardly waiting, few interrupts and ticks: it helps", async (t) => {
  const after = sample({
    ...idle,
    uptime: 110,
    busy: [300, 500, 500, 500],
    threads: [
      [1, 5000, 100],
      [2, 5000, 100],
      [3, 5000, 100],
    ],
    ticks: [2500, 90, 80, 70],
    nohzFull: "1-3",
  });
  const told = judgeIsolation(sample(idle), after, [1, 2, 3]);
  t.equal(told.verdict, "helps");
  t.match(told.why, /33 % on CPU 1, 33 % on CPU 2, 33 % on CPU 3; .*waited 2\.0 % .*; 16 ticks for each second of work on the nohz_full CPUs; 0 interrupts/);
});

t.test("nohz_full that spares no ticks is said to cost without gain", async (t) => {
  const after = sample({
    ...idle,
    uptime: 110,
    busy: [300, 500, 500, 500],
    threads: [
      [1, 5000, 100],
      [2, 5000, 100],
      [3, 5000, 100],
    ],
    ticks: [2500, 1250, 1250, 1250],
    nohzFull: "1-3",
  });
  t.match(judgeIsolation(sample(idle), after, [1, 2, 3]), { verdict: "neither", why: /^nohz_full spares no ticks, .* 250 ticks for each second of work/ });
});

t.test("devices that interrupt its CPUs are named", async (t) => {
  const after = sample({
    ...idle,
    uptime: 110,
    busy: [300, 500, 500, 500],
    threads: [
      [1, 5000, 100],
      [2, 5000, 100],
    ],
    interrupts: [0, 0, 5000, 0],
  });
  t.match(judgeIsolation(sample(idle), after, [1, 2, 3]), {
    verdict: "neither",
    why: /500 interrupts of devices a second on its CPUs \(31 virtio2-input\.0 to CPU 2\)/,
  });
});

t.test("too few CPUs: waiting, and all of them full", async (t) => {
  const after = sample({
    ...idle,
    uptime: 110,
    busy: [100, 990, 990, 990],
    threads: [
      [1, 10000, 9000],
      [2, 10000, 9000],
      [3, 9000, 9000],
    ],
  });
  t.match(judgeIsolation(sample(idle), after, [1, 2, 3]), { verdict: "hurts", why: /its 3 CPUs are too few \(busy 99 %, 99 %, 99 %\)/, next: /more CPUs/ });
});

t.test("a server that did nothing can't be judged", async (t) => {
  t.match(judgeIsolation(sample(idle), sample({ ...idle, uptime: 110, threads: [[1, 50, 1]] }), [1, 2, 3]), { verdict: "unknown", why: /too little to tell/ });
});
