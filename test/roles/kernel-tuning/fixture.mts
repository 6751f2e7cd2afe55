import * as v from "valibot";
import { type Facts, TYPICAL } from "../../../lib/engine/facts.mts";
import { idOf, type Resource } from "../../../lib/engine/resource.mts";
import type { Host, Inventory } from "../../../lib/inventory/types.mts";
import { defaults } from "../../../roles/kernel-tuning/defaults.mts";
import { kernelTuning } from "../../../roles/kernel-tuning/tasks.mts";
import type { Vars } from "../../../roles/schema.mts";

/** The role's variables as an inventory with just these keys has them. */
export const varsOf = (own: Record<string, unknown> = {}): Vars => v.parse(v.strictObject(defaults), own) as Vars;

export const CONTAINER: Facts = {
  ...TYPICAL,
  container: "systemd-nspawn",
  bootLoader: undefined,
  kernelConfig: undefined,
  store: { device: "overlay", mount: "/", freeBytes: 0 },
};

/** The resources of one host. */
export function resourcesOf(own: Record<string, unknown> = {}, facts: Partial<Facts> = {}): Resource[] {
  const vars = varsOf(own);
  const host: Host<Vars> = { name: "h", groups: [], connection: { address: "h", options: {}, known_hosts: "", become: false }, vars };
  const inventory: Inventory<Vars> = { region: "r", dir: "/r", hosts: [host], groups: new Map(), warnings: [] };
  return kernelTuning.resources({ host, vars, facts: { ...TYPICAL, ...facts }, inventory, prepared: undefined });
}

export const find = (resources: readonly Resource[], task: string): Resource | undefined => resources.find((r) => idOf(r) === task);
