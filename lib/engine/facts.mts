/** What is known of a host from the connecting exchange. Read by roles; all of it is what the running system says. */
export interface Facts {
  uid: number;
  hostname: string;
  /** changes with every boot: /proc/sys/kernel/random/boot_id */
  bootId: string;
  /** os-release ID and VERSION_ID, e.g. `debian` and `12` */
  os: string;
  osVersion: string;
  kernel: string;
  /** `uname -m` */
  arch: string;
  init: "systemd" | "other";
  /** kind of container by systemd's name (`systemd-nspawn`, `lxc`, …); empty on a real or virtual machine */
  container: string;
  /** CPU numbers that are online */
  cpus: readonly number[];
  memoryBytes: number;
  /** the running kernel's command line */
  cmdline: string;
  /** enabled ones of CONFIG_NO_HZ_FULL, CONFIG_CPU_ISOLATION, CONFIG_RCU_NOCB_CPU; undefined when the config can't be read */
  kernelConfig: readonly string[] | undefined;
  bootLoader: "grub" | "systemd-boot" | undefined;
  transparentHugepage: "always" | "madvise" | "never" | undefined;
  /** of CPU 0; undefined where the kernel manages no frequencies */
  governor: string | undefined;
  /** device, mount point and free bytes of the file system that holds (or will hold) the JetStream store */
  store: { device: string; mount: string; freeBytes: number };
  /** version of nats-server that the host has now, by the link that roles/nats-install keeps */
  natsVersion: string | undefined;
  /** version of nats-server that wrote the store last: an earlier one than `natsVersion` when that has never got as far */
  storedVersion: string | undefined;
  /** the JetStream store holds streams */
  storeHoldsStreams: boolean;
  /** the host's clock minus ours in seconds, as far as a connection can tell */
  clockSkew: number;
}

/** Facts of a host nobody has connected to, for --list-tasks: a plain Debian server. */
export const TYPICAL: Facts = readFacts({
  uid: "0",
  system: "Linux",
  kernel: "6.1.0",
  arch: "x86_64",
  os: "debian",
  os_version: "12",
  init: "systemd",
  hostname: "typical",
  cpus_online: "0-7",
  mem_kb: "16777216",
  kernel_config: "CONFIG_NO_HZ_FULL=y CONFIG_CPU_ISOLATION=y CONFIG_RCU_NOCB_CPU=y",
  boot_loader: "grub",
  transparent_hugepage: "always [madvise] never",
  store_device: "/dev/sda1",
  store_mount: "/",
  store_free_kb: "104857600",
});

export function readFacts(raw: Record<string, string>): Facts {
  const get = (name: string): string => raw[name] ?? "";
  const kb = (name: string): number => Number(get(name) || 0) * 1024;
  const linked = /\/opt\/nats-server\/([^/]+)\//.exec(get("nats_server"))?.[1];
  return {
    uid: Number(get("uid")),
    hostname: get("hostname"),
    bootId: get("boot_id"),
    os: get("os"),
    osVersion: get("os_version"),
    kernel: get("kernel"),
    arch: get("arch"),
    init: get("init") === "systemd" ? "systemd" : "other",
    container: get("container"),
    cpus: cpuList(get("cpus_online")),
    memoryBytes: kb("mem_kb"),
    cmdline: get("cmdline"),
    kernelConfig:
      raw["kernel_config"] === undefined
        ? undefined
        : get("kernel_config")
            .split(" ")
            .filter(Boolean)
            .map((c) => c.replace("=y", "")),
    bootLoader: get("boot_loader") === "grub" || get("boot_loader") === "systemd-boot" ? (get("boot_loader") as Facts["bootLoader"]) : undefined,
    transparentHugepage: /\[(\w+)\]/.exec(get("transparent_hugepage"))?.[1] as Facts["transparentHugepage"],
    governor: get("governor") || undefined,
    store: { device: get("store_device"), mount: get("store_mount"), freeBytes: kb("store_free_kb") },
    natsVersion: linked,
    storedVersion: get("nats_stored") || linked,
    storeHoldsStreams: get("store_streams") === "yes",
    clockSkew: get("time") ? Number(get("time")) - Date.now() / 1000 : 0,
  };
}

/** The kernel's list format: `0-3,8` → 0 1 2 3 8. Flags before the list (`managed_irq,2-7`) are passed over. */
export function cpuList(text: string): number[] {
  return text.split(",").flatMap((part) => {
    const range = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (!range) return [];
    const from = Number(range[1]);
    const to = Number(range[2] ?? range[1]);
    return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
  });
}
