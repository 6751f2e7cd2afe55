import { type Artifact, type HostFetch, hostFetch, resolveArtifact } from "../../lib/artifact/resolve.mts";
import type { Resource } from "../../lib/engine/resource.mts";
import type { HostRole } from "../../lib/playbook/role.mts";
import { directory } from "../../lib/resources/directory.mts";
import { fetched } from "../../lib/resources/fetched.mts";
import { artifact } from "../../lib/resources/file.mts";
import { FORMER, NATS_SERVER, RELEASES } from "../../lib/resources/nats-unit.mts";
import { symlink } from "../../lib/resources/symlink.mts";
import { group, user } from "../../lib/resources/user.mts";
import type { Vars } from "../schema.mts";

/** Where the versions lie side by side; everything else finds the server by the link NATS_SERVER. */
export const releaseOf = (version: string): string => `${RELEASES}/${version}/nats-server`;
export const NATS_HOME = "/var/lib/nats";

/** By host name: the program itself, or where the host fetches it. */
export type Releases = ReadonlyMap<string, { push: Artifact } | { fetch: HostFetch }>;

const UNRESOLVED: { push: Artifact } = { push: { path: "", sha256: "", size: 0, version: "" } };

/** The program in its place, beside those of other versions. */
export const releaseFile = (path: string, release: { push: Artifact } | { fetch: HostFetch } = UNRESOLVED): Resource =>
  "push" in release ? artifact({ path, payload: release.push }) : fetched({ path, ...release.fetch });

/** The user, the folders and the pinned version of nats-server, beside earlier ones: going back is switching a link. */
export const natsInstall: HostRole<Vars, Releases> = {
  kind: "host",
  name: "nats-install",

  async prepare({ hosts }) {
    return new Map(
      await Promise.all(
        hosts.map(async ({ host, facts }) => {
          const { nats_version: version, nats_source: source, nats_fetch } = host.vars;
          const wanted = { version, source, arch: facts.arch };
          return [host.name, nats_fetch === "host" ? { fetch: await hostFetch(wanted) } : { push: await resolveArtifact(wanted) }] as const;
        }),
      ),
    );
  },

  resources({ host, vars, prepared }) {
    const path = releaseOf(vars.nats_version);
    return [
      group({ name: "nats" }),
      user({ name: "nats", group: "nats", home: NATS_HOME }),
      directory({ path: NATS_HOME, owner: "nats", group: "nats", mode: 0o750 }),
      releaseFile(path, prepared?.get(host.name)),
      symlink({ path: NATS_SERVER, target: path, former: FORMER }),
    ];
  },
};
