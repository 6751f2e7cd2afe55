import { UsageError } from "../../lib/inventory/types.mts";
import { FORMERLY, INSTALLED } from "../../lib/resources/nats-releases.mts";
import { canGoDown, compareVersions } from "../nats-install/version.mts";
import type { SiteRun } from "../site.mts";

/** What a host has: the version that its link leads to, the one that wrote its store last, the one before, and all that lie there. */
export interface Has {
  name: string;
  linked?: string;
  stored?: string;
  former?: string;
  installed: readonly string[];
}

/** What the hosts have told; those that couldn't be reached are left out. */
export async function whatTheyHave(run: SiteRun): Promise<Has[]> {
  const all = await Promise.all(
    run.config.hosts.map(async (host): Promise<Has[]> => {
      const session = await run.connections.to(host);
      const told = run.outputs.get(host.name);
      if (!session || !told) return [];
      const { natsVersion: linked, storedVersion, storeHoldsStreams } = session.facts;
      return [
        {
          name: host.name,
          linked,
          stored: storeHoldsStreams ? storedVersion : undefined,
          former: told.get(FORMERLY) || undefined,
          installed: (told.get(INSTALLED) ?? "").split(" ").filter(isVersion),
        },
      ];
    }),
  );
  return all.flat();
}

/** The one version that the inventory names for all hosts. @throws UsageError when there are several */
export function wantedVersion(run: SiteRun): string {
  const versions = [...new Set(run.config.hosts.map((h) => h.vars.nats_version))];
  if (versions.length > 1)
    throw new UsageError(
      `the inventory names different versions for its hosts (${versions.join(", ")}); say which: --to ${versions.sort(compareVersions).at(-1)}`,
    );
  return versions[0]!;
}

/**
 * The version to go back to: the one that the hosts had before the inventory's. A roll that was stopped half way is told by its
 * hosts; so is a way back that was interrupted, which goes on.
 * @throws UsageError when there is none, or none that may be gone back to
 */
export function formerVersion(hosts: readonly Has[], wanted: string, allowDowngrade: boolean): string {
  const newer = hosts.filter((h) => h.linked !== undefined && compareVersions(h.linked, wanted) > 0);
  const versions = newer.length ? [wanted] : [...new Set(hosts.map((h) => before(h, wanted)))];
  const [version] = versions;
  if (versions.length > 1 || version === undefined) {
    const lines = hosts.map(
      (h) =>
        `${h.name}: has ${h.linked ?? "no nats-server"}, before that ${before(h, wanted) ?? "nothing that is known"}; beside it lie ${h.installed.join(", ") || "none"}`,
    );
    throw new UsageError([`--rollback: no one version lies beside ${wanted} that all hosts ran before; name it: --to VERSION`, ...lines]);
  }
  const unreadable = hosts.filter((h) => h.stored !== undefined && !canGoDown(h.stored, version));
  if (unreadable.length && !allowDowngrade) {
    throw new UsageError(
      unreadable.map(
        (h) =>
          `--rollback: ${h.name} has streams written by ${h.stored}, which ${version} can't read; keep ${h.stored}, or see "When there is no way back" in docs/upgrade.md`,
      ),
    );
  }
  const without = hosts.filter((h) => !h.installed.includes(version));
  if (without.length) throw new UsageError(`--rollback: ${version} doesn't lie on ${without.map((h) => h.name).join(", ")}; fetch it again: --to ${version}`);
  return version;
}

/** What a host ran before it was taken to a version, as far as an older one is known. */
function before({ linked, former, installed }: Has, wanted: string): string | undefined {
  const older = (version: string | undefined): version is string => version !== undefined && isVersion(version) && compareVersions(version, wanted) < 0;
  if (older(linked)) return linked;
  if (former !== undefined) return older(former) ? former : undefined;
  const beside = installed.filter(older);
  return beside.length === 1 ? beside[0] : undefined;
}

const isVersion = (text: string): boolean => /^\d+\.\d+\.\d+(-[\w.]+)?$/.test(text);

/** From here on the inventory says this version for all hosts, as it will once it is written there. */
export function setVersion({ config }: SiteRun, version: string): void {
  const hosts = config.inventory.hosts.map((h) => ({ ...h, vars: { ...h.vars, nats_version: version } }));
  config.inventory = { ...config.inventory, hosts };
  config.hosts = config.hosts.map((h) => ({ ...h, vars: { ...h.vars, nats_version: version } }));
}
