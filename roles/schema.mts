import * as v from "valibot";
import { defaults as bench } from "./bench/defaults.mts";
import { defaults as clusterConfig } from "./cluster-config/defaults.mts";
import { defaults as jetstreamSetup } from "./jetstream-setup/defaults.mts";
import { defaults as kernelTuning } from "./kernel-tuning/defaults.mts";
import { defaults as natsInstall } from "./nats-install/defaults.mts";
import { defaults as verify } from "./verify/defaults.mts";

/** The keys of each role, in the order in which the roles run. */
export const roles = {
  "kernel-tuning": kernelTuning,
  "nats-install": natsInstall,
  "cluster-config": clusterConfig,
  "jetstream-setup": jetstreamSetup,
  verify,
  bench,
} as const;

/** All roles together: what a host's variables may be. */
export const schema = v.strictObject({ ...kernelTuning, ...natsInstall, ...clusterConfig, ...jetstreamSetup, ...verify, ...bench });

/** A host's variables, merged, validated, with defaults. */
export type Vars = v.InferOutput<typeof schema>;
