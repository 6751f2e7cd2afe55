import type { Check } from "../../lib/inventory/load.mts";
import type { Vars } from "../schema.mts";
import { compareVersions } from "./version.mts";

/** First release without CVE-2025-30215 and the authorization bypass of 2.9 (github.com/nats-io/nats-server/security). */
const SAFE = "2.10.27";
/** Below it a server that joins a cluster loses streams in ways sampan can't guard against. */
const OLDEST = "2.9.10";
/** Last minor release whose options and API sampan knows. */
const NEWEST_MINOR = "2.15";

/** What speaks against a version, whatever runs now; undefined when nothing does. */
export function unsupported(version: string, allowVulnerable: boolean): string | undefined {
  if (compareVersions(version, OLDEST) < 0) return `${version} is too old to be rolled out; take ${SAFE} or newer`;
  if (compareVersions(version, SAFE) < 0 && !allowVulnerable)
    return `${version} has known security holes (CVE-2025-30215); take ${SAFE} or newer, or set allow_vulnerable_version: true`;
  if (compareVersions(version, `${NEWEST_MINOR}.999999`) > 0) return `${version} is newer than sampan knows; take a release up to ${NEWEST_MINOR}.x`;
  return undefined;
}

const supported: Check<Vars> = ({ hosts, error, warn }) => {
  for (const host of hosts) {
    const { nats_version: version, allow_vulnerable_version: allowed } = host.vars;
    const fault = unsupported(version, allowed);
    if (fault) error(host, ["nats_version"], `nats_version ${fault}`);
    else if (compareVersions(version, SAFE) < 0)
      warn(host, ["nats_version"], `nats_version ${version} has known security holes (CVE-2025-30215); upgrade to ${SAFE} or newer`);
  }
};

/** Servers of one cluster may differ by a minor release while they are upgraded, and only by one. */
const alike: Check<Vars> = ({ hosts: [first, ...others], warn }) => {
  for (const host of others) {
    if (host.vars.nats_version !== first!.vars.nats_version)
      warn(
        host,
        ["nats_version"],
        `${host.name} has nats_version ${host.vars.nats_version} and ${first!.name} ${first!.vars.nats_version}; give all hosts the same, playbooks/upgrade.mts takes them there one by one`,
      );
  }
};

const fetched: Check<Vars> = ({ hosts, error }) => {
  for (const host of hosts)
    if (host.vars.nats_fetch === "host" && "file" in host.vars.nats_source)
      error(host, ["nats_fetch"], "nats_fetch: host can't fetch a file of this machine; write nats_fetch: controller, or name a url");
};

export const checks = [supported, alike, fetched];
