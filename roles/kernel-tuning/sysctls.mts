/** The default sysctls, each with its reason. Source: https://docs.kernel.org/networking/ip-sysctl.html and /admin-guide/sysctl/. */
export const SYSCTLS: readonly { name: string; value: string; why: string }[] = [
  { name: "net.core.somaxconn", value: "65535", why: "a thousand clients that reconnect at once after a roll wait in the accept queue and aren't refused" },
  { name: "net.ipv4.tcp_max_syn_backlog", value: "65535", why: "the same for half-open connections" },
  { name: "net.core.netdev_max_backlog", value: "16384", why: "packets that wait for the CPU in a burst, per CPU, before the kernel drops them" },
  { name: "net.core.rmem_max", value: "16777216", why: "ceiling of a receive buffer that a program asks for" },
  { name: "net.core.wmem_max", value: "16777216", why: "ceiling of a send buffer that a program asks for" },
  { name: "net.ipv4.tcp_rmem", value: "4096 131072 16777216", why: "TCP grows a receive buffer up to 16 MiB: 1 Gbit/s at 130 ms" },
  { name: "net.ipv4.tcp_wmem", value: "4096 65536 16777216", why: "the same for sending: a route or client that is slow for a moment doesn't block" },
  { name: "net.ipv4.tcp_slow_start_after_idle", value: "0", why: "a route that was silent for a moment keeps its window" },
  { name: "net.ipv4.tcp_keepalive_time", value: "300", why: "a peer that vanished is noticed after minutes, not after two hours" },
  { name: "net.ipv4.tcp_keepalive_intvl", value: "30", why: "then asked every 30 s" },
  { name: "net.ipv4.tcp_keepalive_probes", value: "5", why: "and given up after five" },
  { name: "net.ipv4.ip_local_port_range", value: "10240 65535", why: "more outgoing ports, and none of 4222, 6222 and 8222 among them" },
  { name: "vm.swappiness", value: "1", why: "a swapped-out heap stalls the server for seconds; 1 still lets the kernel swap before it kills" },
  { name: "vm.dirty_background_ratio", value: "5", why: "JetStream's writes go to the disk early and steadily, so that an fsync has little to wait for" },
  { name: "vm.dirty_ratio", value: "15", why: "and writers are held back before gigabytes pile up" },
];
