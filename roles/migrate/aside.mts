import type { HostRole } from "../../lib/playbook/role.mts";
import { storeAside } from "../../lib/resources/store-aside.mts";
import type { Vars } from "../schema.mts";

export interface AsideOptions {
  /** folder of the old server's store; undefined: where the cluster's will be */
  store?: string;
  unit: string;
  /** names of the streams that are saved */
  saved: readonly string[];
}

/** The old server's host: stopped, its store moved aside and kept. */
export const aside = ({ store, unit, saved }: AsideOptions): HostRole<Vars, void> => ({
  kind: "host",
  name: "migrate",
  prepare: async () => {},
  resources: ({ vars }) => [storeAside({ storeDir: store ?? vars.jetstream.store_dir, unit, saved })],
});
