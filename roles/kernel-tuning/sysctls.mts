/** A default of the role: what the kernel has by itself, what we set, why, and where it is written. */
export interface Sysctl {
  name: string;
  value: string;
  /** the kernel's own default (6.1, x86_64) */
  kernel: string;
  why: string;
  source: string;
}

const NET = "https://docs.kernel.org/admin-guide/sysctl/net.html";
const IP = "https://docs.kernel.org/networking/ip-sysctl.html";
const VM = "https://docs.kernel.org/admin-guide/sysctl/vm.html";

/** In the order of the file on the host. `sysctl:` in the inventory changes a value, and `null` there takes it away. */
export const SYSCTLS: readonly Sysctl[] = [
  // Go reads somaxconn when a program first listens: a running nats-server keeps its old queue until its next restart.
  {
    name: "net.core.somaxconn",
    value: "65535",
    kernel: "4096",
    source: NET,
    why: "a thousand clients that reconnect at once after a roll wait in the accept queue and aren't refused",
  },
  { name: "net.ipv4.tcp_max_syn_backlog", value: "65535", kernel: "128 to 4096, by memory", source: IP, why: "the same for half-open connections" },
  {
    name: "net.core.netdev_max_backlog",
    value: "16384",
    kernel: "1000",
    source: NET,
    why: "packets that wait for the CPU in a burst, per CPU, before the kernel drops them",
  },
  {
    name: "net.core.rmem_max",
    value: "16777216",
    kernel: "212992",
    source: NET,
    why: "ceiling of a receive buffer that a program asks for; nats-server asks for none and has the ceiling of tcp_rmem",
  },
  { name: "net.core.wmem_max", value: "16777216", kernel: "212992", source: NET, why: "ceiling of a send buffer that a program asks for" },
  {
    name: "net.ipv4.tcp_rmem",
    value: "4096 131072 16777216",
    kernel: "4096 131072 6291456",
    source: IP,
    why: "TCP grows a receive buffer up to 16 MiB, of which half is window: 1 Gbit/s at 65 ms on a route between regions",
  },
  {
    name: "net.ipv4.tcp_wmem",
    value: "4096 65536 16777216",
    kernel: "4096 16384 4194304",
    source: IP,
    why: "the same for sending: a route or client that is slow for a moment doesn't block, and a burst starts with 64 KiB",
  },
  { name: "net.ipv4.tcp_slow_start_after_idle", value: "0", kernel: "1", source: IP, why: "a route that was silent for a moment keeps its window" },
  // nats-server switches TCP keepalive off on its own sockets (server/util.go, natsListenConfig) and has ping_interval instead.
  {
    name: "net.ipv4.tcp_keepalive_time",
    value: "300",
    kernel: "7200",
    source: IP,
    why: "for everything but nats-server, which pings by itself: a peer that vanished is noticed after minutes, not after two hours",
  },
  { name: "net.ipv4.tcp_keepalive_intvl", value: "30", kernel: "75", source: IP, why: "then asked every 30 s" },
  { name: "net.ipv4.tcp_keepalive_probes", value: "5", kernel: "9", source: IP, why: "and given up after five" },
  {
    name: "net.ipv4.ip_local_port_range",
    value: "10240 65535",
    kernel: "32768 60999",
    source: IP,
    why: "more outgoing ports, and none of 4222, 6222 and 8222 among them",
  },
  {
    name: "vm.swappiness",
    value: "1",
    kernel: "60",
    source: VM,
    why: "a swapped-out heap stalls the server for seconds; 1 still lets the kernel swap before it kills",
  },
  {
    name: "vm.dirty_background_ratio",
    value: "5",
    kernel: "10",
    source: VM,
    why: "JetStream's writes go to the disk early and steadily, so that an fsync has little to wait for",
  },
  { name: "vm.dirty_ratio", value: "15", kernel: "20", source: VM, why: "and writers are held back before gigabytes pile up" },
];

/** Two names of one setting: writing the one zeroes the other (kernel: mm/page-writeback.c), so both at once never converge. */
const REPLACED_BY: Readonly<Record<string, string>> = { "vm.dirty_background_ratio": "vm.dirty_background_bytes", "vm.dirty_ratio": "vm.dirty_bytes" };

/** What is to be set: without the ratios that the inventory says in bytes. */
export function effective(declared: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(declared).filter(([name]) => !(REPLACED_BY[name]! in declared)));
}

/** The text of /etc/sysctl.d/99-sampan.conf, each value below its reason. */
export function sysctlFile(values: Readonly<Record<string, string>>): string {
  const entries = Object.entries(values).map(([name, value]) => {
    const known = SYSCTLS.find((s) => s.name === name);
    const own = known?.value === value ? "" : known ? ` (the inventory's value; sampan's default is ${known.value})` : "set in the inventory";
    return `# ${known?.why ?? ""}${own}\n${name} = ${value}\n`;
  });
  return ["# Managed by sampan: change `sysctl:` in the inventory instead. Reasons and sources: docs/kernel-tuning.md\n", ...entries].join("\n");
}
