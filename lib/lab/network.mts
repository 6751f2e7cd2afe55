import { readdir, rmdir, stat } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { LabError } from "./error.mts";
import { exists } from "./files.mts";
import { address, gateway, hostIndex, type Names, uplink } from "./region.mts";
import { run, tryRun } from "./run.mts";
import { allStates } from "./state.mts";

const netnsDir = "/run/netns";
const first = 77,
  last = 127; // 198.18.77.0/24 … 198.18.127.0/24

interface Link {
  ifname: string;
  ifalias?: string;
}
interface Route {
  dst: string;
}

/** Picks a region's subnet: its switch's if there is one, else the first that nothing on this machine routes or uses. */
export async function chooseOctet(names: Names): Promise<number> {
  const own = (await uplinks()).find(({ ifalias }) => ifalias === names.alias);
  if (own !== undefined) return Number(own.ifname.slice("smp".length));
  const promised = new Set((await allStates()).filter(({ region }) => region !== names.region).map(({ octet }) => octet));
  const routes = JSON.parse((await run("ip", ["-j", "-4", "route", "show", "table", "all"])) || "[]") as Route[];
  // The first subnet is the default region's, as long as it is free: its addresses stand in people's heads and notes.
  for (let octet = names.region === "default" ? first : first + 1; octet <= last; octet++) {
    if (!promised.has(octet) && !routes.some(({ dst }) => covers(dst, octet))) return octet;
  }
  throw new LabError(`198.18.${first}.0/24 to 198.18.${last}.0/24 are all in use here`, "take a lab down: ./playbooks/lab.mts down --region NAME");
}

/** Does a route (`1.2.3.0/24`, or a bare address) touch 198.18.<octet>.0/24? Default routes, also in halves, touch nothing. */
export function covers(dst: string, octet: number): boolean {
  const [network = "", length = "32"] = dst.split("/");
  if (!/^[\d.]+$/.test(network) || Number(length) < 8) return false;
  const bits = Math.min(Number(length), 24);
  const prefix = (text: string): number => text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0) >>> (32 - bits);
  return prefix(network) === prefix(`198.18.${octet}.0`);
}

const uplinks = async (): Promise<Link[]> =>
  (JSON.parse((await run("ip", ["-j", "link", "show", "type", "veth"])) || "[]") as Link[]).filter(({ ifname }) => /^smp\d+$/.test(ifname));

/**
 * Makes the region's switch: a bridge in a namespace of its own, and one cable from it to this machine. In this
 * machine's own namespace its firewall would see, and often drop, what the hosts send each other (Docker's does).
 */
export async function ensureSwitch(names: Names, octet: number): Promise<void> {
  const name = uplink(octet);
  // The address comes last, so where it is, all was made; and of a namespace removed since, the kernel takes the cable along only a moment later.
  const made = networkInterfaces()[name]?.some(({ address }) => address === gateway(octet));
  if (made === true && (await exists(`${netnsDir}/${names.switch}`))) return;
  await removeSwitch(names, octet);
  await run("ip", ["netns", "add", names.switch]);
  await batch([`link add ${name} address ${mac(octet, 254)} type veth peer name uplink netns ${names.switch}`, `link set ${name} alias "${names.alias}"`]);
  await batch(
    [
      // a fixed address: by default a bridge takes over that of a port, and changes it as hosts come and go
      `link add bridge address ${mac(octet, 255)} type bridge`,
      "link set uplink master bridge up",
      "link set bridge up",
    ],
    names.switch,
  );
  await batch([`link set ${name} up`, `addr add ${gateway(octet)}/24 dev ${name}`]);
}

export async function removeSwitch(names: Names, octet?: number): Promise<void> {
  const own = (await uplinks()).filter(({ ifname, ifalias }) => ifalias === names.alias || (octet !== undefined && ifname === uplink(octet)));
  for (const { ifname } of own) await tryRun("ip", ["link", "del", ifname]);
  await tryRun("ip", ["netns", "del", names.switch]);
}

/** A new network namespace with one cable to the switch. What a namespace of that name held before is gone. */
export async function wire(names: Names, octet: number, host: string): Promise<void> {
  const netns = names.netns(host);
  await unwire(names, host);
  await run("ip", ["netns", "add", netns]);
  // A server keeps its MAC over a restart; with a new one its peers would send to the old one for a while.
  await batch([`link add ${host} type veth peer name eth0 address ${mac(octet, hostIndex(host))} netns ${netns}`], names.switch);
  await batch(["link set lo up", `addr add ${address(octet, host)}/24 dev eth0`, "link set eth0 up"], netns);
  await plug(names, host);
}

/** The same for a virtual machine: its end of the cable is a tap device in the switch itself, one queue for each of two CPUs. */
export async function wireTap(names: Names, host: string): Promise<void> {
  await unwire(names, host);
  await run("ip", ["-n", names.switch, "tuntap", "add", "dev", host, "mode", "tap", "multi_queue"]);
  await plug(names, host);
}

/** Puts the host's cable into the switch. @returns whether there is such a cable */
export async function plug(names: Names, host: string): Promise<boolean> {
  return (await tryRun("ip", ["-n", names.switch, "link", "set", host, "master", "bridge", "up"])).code === 0;
}

export async function unwire(names: Names, host: string): Promise<void> {
  // The cable goes with the namespace, but a little later, and until then its name is taken.
  await tryRun("ip", ["-n", names.switch, "link", "del", host]);
  await tryRun("ip", ["netns", "del", names.netns(host)]);
}

export const setLink = async (names: Names, host: string, state: "up" | "down"): Promise<void> => {
  await run("ip", ["-n", names.switch, "link", "set", host, state]);
};

/**
 * Holds a host's line to a rate, in both directions. @param mbit megabits per second; null: as fast as the machine
 * @throws LabError where the kernel has no token bucket filter (sch_tbf)
 */
export async function setRate(names: Names, host: string, mbit: number | null): Promise<void> {
  // 64 KiB is one segment as the host hands it over; of what is more than 50 ms late, packets are dropped, as on a real port.
  const limit = ["tbf", "rate", `${mbit}mbit`, "burst", "256kb", "latency", "50ms"];
  for (const [netns, device] of [
    [names.switch, host],
    [names.netns(host), "eth0"],
  ] as const) {
    if (mbit === null) await tryRun("tc", ["-n", netns, "qdisc", "del", "dev", device, "root"]);
    else await run("tc", ["-n", netns, "qdisc", "replace", "dev", device, "root", ...limit]);
  }
}

const batch = (commands: string[], netns?: string): Promise<string> =>
  run("ip", [...(netns === undefined ? [] : ["-n", netns]), "-batch", "-"], { input: commands.join("\n") });

/** Of the range for addresses that are administered locally. */
export const mac = (octet: number, index: number): string => `02:73:6d:70:${[octet, index].map((byte) => byte.toString(16).padStart(2, "0")).join(":")}`;

/** Hosts of this region that have a network namespace. */
export async function wiredHosts(names: Names): Promise<string[]> {
  const prefix = names.netns("");
  return (await readdir(netnsDir).catch(() => [])).filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
}

/** Is this process in the host's network namespace? */
export async function inNetns(names: Names, host: string, pid: number): Promise<boolean> {
  const inode = (path: string): Promise<number | undefined> =>
    stat(path).then(
      ({ ino }) => ino,
      () => undefined,
    );
  const wanted = await inode(`${netnsDir}/${names.netns(host)}`);
  return wanted !== undefined && wanted === (await inode(`/proc/${pid}/ns/net`));
}

/** `ip netns add` leaves a mount of its folder behind; without namespaces nobody needs it. */
export async function tidyNetnsDir(): Promise<void> {
  if ((await readdir(netnsDir).catch(() => ["absent"])).length > 0) return;
  await tryRun("umount", [netnsDir]);
  await rmdir(netnsDir).catch(() => {});
}
