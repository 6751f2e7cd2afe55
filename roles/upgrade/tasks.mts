import type { HostRole } from "../../lib/playbook/role.mts";
import { natsReleases } from "../../lib/resources/nats-releases.mts";
import { natsTrial } from "../../lib/resources/nats-trial.mts";
import { CONF } from "../cluster-config/tasks.mts";
import { natsInstall, type Releases, releaseFile, releaseOf } from "../nats-install/tasks.mts";
import type { Vars } from "../schema.mts";
import { switchTo } from "./handlers.mts";

const NAME = "upgrade";

/** What lies on the hosts, and whether there is room. `version` is empty while it isn't known. */
export const upgradeLook = (version: string): HostRole<Vars, void> => ({
  kind: "host",
  name: NAME,
  prepare: async () => {},
  resources: ({ vars }) => [natsReleases({ version, store: vars.jetstream.enabled ? vars.jetstream.store_dir : "" })],
});

/** The version of the inventory, beside the one that runs and tried there; the switch itself is rolled. */
export const upgradeBeside: HostRole<Vars, Releases> = {
  kind: "host",
  name: NAME,
  prepare: (input) => natsInstall.prepare(input),
  resources: ({ host, vars: { nats_version: version }, prepared }) => {
    const program = releaseOf(version);
    const release = releaseFile(program, prepared?.get(host.name));
    return [release, natsTrial({ program, version, config: CONF, needs: [`${release.type} ${release.name}`] }).notify(switchTo(version))];
  },
};
