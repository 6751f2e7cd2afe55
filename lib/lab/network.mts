import { readdir, rmdir, stat } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { LabError } from "./error.mts";
import { address, bridge, gateway, veth, type Names } from "./region.mts";
import { run, tryRun } from "./run.mts";
import { allStates } from "./state.mts";

const netnsDir = "/run/netns";
const first = 77, last = 127; // 198.18.77.0/24 … 198.18.127.0/24

interface Link { ifname: string; ifalias?: string; }
interface Route { dst: string; }

/** Picks a region's subnet: its bridge's if there is one, else the first that nothing on this machine routes or uses. */
export async function chooseOctet(names: Names): Promise<number> {
  const own = (await bridges()).find(({ ifalias }) => ifalias === names.alias);
  if (own !== undefined) return Number(own.ifname.slice("smp".length));
  const promised = new Set((await allStates()).filter(({ region }) => region !== names.region).map(({ octet }) => octet));
  const routes = JSON.parse(await run("ip", ["-j", "-4", "route", "show", "table", "all"]) || "[]") as Route[];
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

const bridges = async (): Promise<Link[]> =>
  (JSON.parse(await run("ip", ["-j", "link", "show", "type", "bridge"]) || "[]") as Link[]).filter(({ ifname }) => /^smp\d+$/.test(ifname));

export async function ensureBridge(names: Names, octet: number): Promise<void> {
  const name = bridge(octet);
  if (networkInterfaces()[name]?.some(({ address }) => address === gateway(octet))) return;
  await tryRun("ip", ["link", "del", name]); // half-made by an `up` that was killed
  await run("ip", ["-batch", "-"], { input: [
    `link add ${name} type bridge`,
    `link set ${name} alias "${names.alias}"`,
    `addr add ${gateway(octet)}/24 dev ${name}`,
    `link set ${name} up`,
  ].join("\n") });
}

export async function removeBridges(names: Names): Promise<void> {
  for (const { ifname, ifalias } of await bridges()) {
    if (ifalias !== names.alias) continue;
    const ports = JSON.parse(await run("ip", ["-j", "link", "show", "master", ifname]) || "[]") as Link[];
    // a namespace that has just been removed takes its cable along only a moment later
    for (const port of ports) await tryRun("ip", ["link", "del", port.ifname]);
    await run("ip", ["link", "del", ifname]);
  }
}

/** A new network namespace with one cable to the bridge. What a namespace of that name held before is gone. */
export async function wire(names: Names, octet: number, host: string): Promise<void> {
  const netns = names.netns(host), outside = veth(octet, host);
  await unwire(names, host, octet);
  await run("ip", ["netns", "add", netns]);
  await run("ip", ["link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", netns]);
  await run("ip", ["-n", netns, "-batch", "-"], { input: [
    "link set lo up",
    `addr add ${address(octet, host)}/24 dev eth0`,
    "link set eth0 up",
  ].join("\n") });
  await plug(octet, host);
}

/** Puts the host's cable into the bridge, link up. @returns whether there is such a cable */
export async function plug(octet: number, host: string): Promise<boolean> {
  return (await tryRun("ip", ["link", "set", veth(octet, host), "master", bridge(octet), "up"])).code === 0;
}

export async function unwire(names: Names, host: string, octet?: number): Promise<void> {
  // The veth dies with its namespace, but a little later, and until then its name is taken.
  if (octet !== undefined) await tryRun("ip", ["link", "del", veth(octet, host)]);
  await tryRun("ip", ["netns", "del", names.netns(host)]);
}

export const setLink = async (octet: number, host: string, state: "up" | "down"): Promise<void> => {
  await run("ip", ["link", "set", veth(octet, host), state]);
};

/** Hosts of this region that have a network namespace. */
export async function wiredHosts(names: Names): Promise<string[]> {
  const prefix = names.netns("");
  return (await readdir(netnsDir).catch(() => [])).filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
}

/** Is this process in the host's network namespace? */
export async function inNetns(names: Names, host: string, pid: number): Promise<boolean> {
  const inode = (path: string): Promise<number | undefined> => stat(path).then(({ ino }) => ino, () => undefined);
  const wanted = await inode(`${netnsDir}/${names.netns(host)}`);
  return wanted !== undefined && wanted === await inode(`/proc/${pid}/ns/net`);
}

/** `ip netns add` leaves a mount of its folder behind; without namespaces nobody needs it. */
export async function tidyNetnsDir(): Promise<void> {
  if ((await readdir(netnsDir).catch(() => ["absent"])).length > 0) return;
  await tryRun("umount", [netnsDir]);
  await rmdir(netnsDir).catch(() => {});
}
