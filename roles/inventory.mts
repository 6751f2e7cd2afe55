import { type LoadedInventory, type LoadOptions, load } from "../lib/inventory/load.mts";
import { checks as bench } from "./bench/checks.mts";
import { checks as clusterConfig, wholeRegion } from "./cluster-config/checks.mts";
import { DEFAULT_USERS } from "./cluster-config/defaults.mts";
import { perCluster } from "./clusters.mts";
import { checks as jetstreamSetup } from "./jetstream-setup/checks.mts";
import { checks as kernelTuning } from "./kernel-tuning/checks.mts";
import { checks as natsInstall } from "./nats-install/checks.mts";
import { schema, type Vars } from "./schema.mts";
import { checks as verify } from "./verify/checks.mts";

/** Defaults that the schema can't know; the inventory's own values lie above. */
const hostDefaults = (host: string) => ({ address: host, server_name: host });
const regionDefaults = (region: string) => ({ cluster: { name: `nats-cluster-${region.replaceAll(/[^\w.-]/g, "-")}` }, users: DEFAULT_USERS });

/**
 * Reads an inventory folder with the keys and checks of all roles; no host is touched.
 * @throws UsageError with all that is wrong at once, a line each
 */
export const loadInventory = (dir: string, options: LoadOptions = {}): LoadedInventory<Vars> =>
  load<Vars>(
    dir,
    {
      entries: schema.entries,
      hostDefaults,
      regionDefaults,
      checks: [...wholeRegion, ...[...natsInstall, ...kernelTuning, ...clusterConfig, ...jetstreamSetup, ...verify, ...bench].map(perCluster)],
    },
    options,
  );
