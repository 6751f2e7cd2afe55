import * as v from "valibot";
import { cpuList, integer, key, leaf, list, oneOf, section, text } from "../../lib/inventory/fields.mts";
import { SYSCTLS } from "./sysctls.mts";

const isScalar = (x: unknown): x is string | number => (typeof x === "string" && /^[^\0\r\n]+$/.test(x)) || typeof x === "number";

/** null takes a default away: the only place where an inventory may say null. */
const sysctl = v.pipe(
  v.optional(
    v.record(
      v.string(),
      leaf<string | null>({
        what: "a value of a sysctl",
        write: "write a number or a text; null leaves the setting alone",
        read: (x) => (x === null ? x : isScalar(x) ? String(x) : undefined),
      }),
    ),
    {},
  ),
  v.transform((own) =>
    Object.fromEntries(
      Object.entries<string | null>({ ...Object.fromEntries(SYSCTLS.map(({ name, value }) => [name, value])), ...own }).filter(
        (entry): entry is [string, string] => entry[1] !== null,
      ),
    ),
  ),
);

/** `name: true` is an argument without a value, as `""`. */
const kernelArgs = v.record(
  v.string(),
  leaf({
    what: "a kernel argument's value",
    write: "write a text or number without spaces, or true for an argument without a value",
    read: (x) => (x === true ? "" : isScalar(x) && !/[\s"'$`\\]/.test(String(x)) ? String(x) : undefined),
  }),
);

export const defaults = {
  sysctl: key(sysctl, "kernel settings by sysctl's own names, on top of the defaults below; `null` takes a default away", {
    defaultText: "the table below",
    source: "https://docs.kernel.org/admin-guide/sysctl/",
  }),
  limits: key(
    section({
      nofile: key(v.optional(integer(1024), 800000), "open files: one per connection, stream block and consumer"),
      nproc: key(v.optional(integer(64)), "processes and threads", { defaultText: "the system's" }),
      memlock: key(v.optional(integer(0)), "locked memory in bytes", { defaultText: "the system's" }),
    }),
    "resource limits of the nats user (limits.d) and of the unit",
  ),
  transparent_hugepage: key(v.optional(oneOf("always", "madvise", "never", "leave"), "madvise"), "transparent huge pages; `leave` doesn't touch them", {
    source: "https://docs.kernel.org/admin-guide/mm/transhuge.html",
  }),
  cpu_governor: key(
    v.optional(oneOf("performance", "schedutil", "ondemand", "conservative", "powersave", "leave"), "performance"),
    "CPU frequency governor; `leave` doesn't touch it",
    { source: "https://docs.kernel.org/admin-guide/pm/cpufreq.html" },
  ),
  io_scheduler: key(
    v.optional(oneOf("none", "mq-deadline", "kyber", "bfq", "leave"), "none"),
    "I/O scheduler of the device that holds the JetStream store; `none` suits SSDs",
    { source: "https://docs.kernel.org/block/switching-sched.html" },
  ),
  read_ahead_kb: key(v.optional(integer(0, 65536)), "how far the kernel reads ahead on that device, in KiB", {
    defaultText: "the kernel's, 128",
    source: "https://docs.kernel.org/block/queue-sysfs.html",
  }),
  mount_options: key(
    v.optional(list(text("a mount option", "write for example noatime", /^[\w.=:+-]+$/)), ["noatime"]),
    "mount options of the store's file system, on top of those in /etc/fstab, where the store has one of its own; `[]` leaves it alone",
    { defaultText: "`[noatime]`", source: "https://man7.org/linux/man-pages/man8/mount.8.html" },
  ),
  discard: key(v.optional(oneOf("fstrim", "leave"), "fstrim"), "freed blocks go back to the SSD: by the weekly fstrim.timer, or `leave`", {
    source: "https://man7.org/linux/man-pages/man8/fstrim.8.html",
  }),
  irq_affinity: key(v.optional(cpuList()), "CPUs that take the devices' interrupts; irqbalance is kept off all others", {
    defaultText: "all",
    source: "https://docs.kernel.org/core-api/irq/irq-affinity.html",
  }),
  nic_ring: key(
    v.optional(
      leaf<number | "max" | "leave">({
        what: "a ring size",
        write: "write a number of packets, max or leave",
        read: (x) => (x === "max" || x === "leave" || (Number.isInteger(x) && Number(x) >= 16) ? (x as number | "max" | "leave") : undefined),
      }),
      "leave",
    ),
    "rings of the network cards, in packets; needs ethtool on the host",
    { source: "https://man7.org/linux/man-pages/man8/ethtool.8.html" },
  ),
  rps_cpus: key(v.optional(cpuList()), "CPUs that share the network stack's work for received packets (RPS)", {
    defaultText: "the queue's own",
    source: "https://docs.kernel.org/networking/scaling.html",
  }),
  xps_cpus: key(v.optional(cpuList()), "CPUs that may send through each queue (XPS)", {
    defaultText: "the driver's",
    source: "https://docs.kernel.org/networking/scaling.html",
  }),
  kernel_args: key(v.optional(kernelArgs, {}), "arguments of the kernel's command line, through GRUB; take effect after a reboot", {
    source: "https://docs.kernel.org/admin-guide/kernel-parameters.html",
  }),
  kernel_reboot: key(v.optional(oneOf("report", "rolling"), "report"), "when kernel arguments need a reboot: only say so, or reboot one host at a time"),
};
