import type { Facts } from "../../lib/engine/facts.mts";
import type { Disk } from "../../lib/resources/disks.mts";

/** What a host's own size and disks suggest. */
export interface Proposal {
  storeDir: string;
  maxMem: string;
  maxFile: string;
  /** CPUs for the server, where there are enough to keep some for the rest of the system */
  cpus: string;
  /** the kernel can keep these CPUs free of its own work */
  isolates: boolean;
  /** for people: a line each */
  notes: string[];
}

const GB = 1e9,
  MB = 1e6;
/** Mounts that are the system's own. */
const SYSTEM = /^\/($|boot|efi|home|root|tmp|usr|var\/(log|tmp|cache)|var$|etc|run|dev|sys|proc|snap|nix|opt$|mnt\/wsl)/;
const DEFAULT_STORE = "/var/lib/nats/jetstream";

export function propose(facts: Facts, disks: readonly Disk[]): Proposal {
  const notes: string[] = [];
  const own = disks.filter((d) => d.mount && /^(\/[\w.@+-]+)+$/.test(d.mount) && !SYSTEM.test(d.mount) && d.device.startsWith("/dev/"));
  // An SSD before what spins, then the largest.
  const best = facts.container ? undefined : own.sort((a, b) => Number(a.spins ?? false) - Number(b.spins ?? false) || b.freeBytes - a.freeBytes)[0];
  const storeDir = best ? `${best.mount}/nats/jetstream` : DEFAULT_STORE;
  const free = best?.freeBytes ?? facts.store.freeBytes;
  if (best)
    notes.push(`store on ${best.device} at ${best.mount}, ${text(best.bytes)}${best.spins ? ", a disk that spins: an SSD serves JetStream far better" : ""}`);
  else
    notes.push(
      `store on ${facts.store.device || "the system's disk"} at ${facts.store.mount || "/"}, which is the system's own: a disk for it alone is better`,
    );
  if (!facts.container)
    for (const d of disks.filter((d) => !d.mount))
      notes.push(`${d.device} (${text(d.bytes)}${d.spins ? ", spins" : ""}) is unused: a file system on it, mounted at /data, could hold the store`);
  const count = facts.cpus.length;
  const house = count >= 8 ? 2 : 1;
  const contiguous = facts.cpus.every((cpu, i) => cpu === i);
  const cpus = count >= 4 && contiguous && !facts.container ? `${house}-${count - 1}` : "";
  return {
    storeDir,
    maxMem: size(facts.memoryBytes / 8, 128 * 2 ** 20),
    maxFile: size(free * 0.8, 256 * 2 ** 20),
    cpus,
    isolates: cpus !== "" && Boolean(facts.kernelConfig?.length && facts.bootLoader),
    notes,
  };
}

/** What a probe writes down of a host, for a later one to compare. */
export interface Seen {
  os: string;
  arch: string;
  cpus: number;
  memory_bytes: number;
  /** file systems and unused disks: `/dev/vdb1 /data` → bytes */
  disks: Record<string, number>;
}

export const seen = (facts: Facts, disks: readonly Disk[]): Seen => ({
  os: `${facts.os} ${facts.osVersion}`.trim(),
  arch: facts.arch,
  cpus: facts.cpus.length,
  memory_bytes: facts.memoryBytes,
  // Of a container they are the machine's that it runs on.
  disks: Object.fromEntries(disks.filter((d) => !facts.container || d.mount === "/").map((d) => [`${d.device} ${d.mount || "unused"}`, d.bytes])),
});

/** `10.8.0.1  debian 12  8 CPUs  15.6 GB  /dev/vdb1 at /data`, in a table's cells. */
export const cells = (s: Seen): string[] => [
  s.os,
  s.arch,
  `${s.cpus} CPU${s.cpus === 1 ? "" : "s"}`,
  text(s.memory_bytes),
  Object.entries(s.disks)
    .map(([d, b]) => `${d} ${text(b)}`)
    .join(", "),
];

export const text = (bytes: number): string =>
  bytes >= 1000 * GB
    ? `${(bytes / 1000 / GB).toFixed(1)} TB`
    : bytes >= GB
      ? `${(bytes / GB).toFixed(bytes < 10 * GB ? 1 : 0)} GB`
      : `${Math.round(bytes / MB)} MB`;

/** As nats-server takes it: its GB are 2^30. */
const size = (bytes: number, least: number): string =>
  bytes >= 2 * 2 ** 30 ? `${Math.floor(bytes / 2 ** 30)}GB` : `${Math.floor(Math.max(bytes, least) / 2 ** 20)}MB`;
