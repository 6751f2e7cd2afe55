import { LabError } from "./error.mts";

/** The names of everything a region's lab puts on this machine. They follow from region and host: cleaning up needs no memory. */
export interface Names {
  region: string;
  netns(host: string): string;
  machine(host: string): string;
  cgroup(host?: string): string;
  /** the namespace that holds the region's bridge */
  switch: string;
  /** the alias on this machine's cable into the switch, by which we know it again */
  alias: string;
}

export function namesOf(region: string): Names {
  if (!/^[a-z][a-z0-9-]{0,15}$/.test(region)) {
    throw new LabError(`"${region}" can't be a region's name`, "use a to z, 0 to 9 and -, at most 16 characters, a letter first");
  }
  return {
    region,
    netns: (host) => `sampan.${region}.${host}`,
    machine: (host) => `sampan-${region}-${host}`,
    cgroup: (host) => ["sampan-lab", region, ...(host === undefined ? [] : [host])].join("/"),
    switch: `sampan.${region}.switch`,
    alias: `sampan-lab ${region}`,
  };
}

export const maxNodes = 100;
export const hostName = (index: number): string => `nats-node-${index}`;
/** the region's one virtual machine, with a kernel and a boot loader of its own */
export const vmName = "nats-vm";
const vmIndex = 190; // above all containers
export const hostIndex = (host: string): number => (host === vmName ? vmIndex : Number(/^nats-node-(\d+)$/.exec(host)?.[1] ?? NaN));

/** A region's network is 198.18.<octet>.0/24, of the block that RFC 2544 keeps for test networks. */
export const gateway = (octet: number): string => `198.18.${octet}.1`;
export const address = (octet: number, host: string): string => `198.18.${octet}.${10 + hostIndex(host)}`;
/** this machine's cable into the region's switch, with the gateway's address */
export const uplink = (octet: number): string => `smp${octet}`;
