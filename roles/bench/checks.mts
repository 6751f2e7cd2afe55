import type { Check } from "../../lib/inventory/load.mts";
import { bytes } from "../../lib/inventory/units.mts";
import type { Vars } from "../schema.mts";

/** What the servers would refuse. */
const possible: Check<Vars> = ({ hosts, error }) => {
  for (const host of hosts) {
    const { bench, max_payload } = host.vars;
    if (bench.payload > bytes(max_payload)) error(host, ["bench", "payload"], `bench.payload ${bench.payload} is above max_payload ${max_payload}; lower it`);
    const { workers, partitions } = bench.pull;
    if (workers !== undefined && workers < partitions)
      error(host, ["bench", "pull", "workers"], `bench.pull.workers ${workers} is below bench.pull.partitions ${partitions}; each partition needs a worker`);
  }
};

export const checks = [possible];
