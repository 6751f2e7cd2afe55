import type { Check } from "../../lib/inventory/load.mts";
import { bytes } from "../../lib/inventory/units.mts";
import type { Vars } from "../schema.mts";

/** Thresholds that no run could meet. */
const attainable: Check<Vars> = ({ hosts, error }) => {
  for (const host of hosts) {
    const { verify, max_payload } = host.vars;
    if (verify.payload > bytes(max_payload))
      error(host, ["verify", "payload"], `verify.payload ${verify.payload} is above max_payload ${max_payload}; lower it`);
    for (const way of ["push", "pull"] as const)
      if (verify.thresholds[way].rate > verify.rate)
        error(
          host,
          ["verify", "thresholds", way, "rate"],
          `verify.thresholds.${way}.rate ${verify.thresholds[way].rate} is above verify.rate ${verify.rate}, which is all that is offered; lower it`,
        );
  }
};

export const checks = [attainable];
