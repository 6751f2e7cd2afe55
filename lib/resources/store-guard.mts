import { type Resource, resource } from "../engine/resource.mts";
import { sh } from "../sh.mts";

export interface Guarded {
  storeDir: string;
  /** the configuration that sampan has written, where there is one */
  conf: string;
  /** name of the cluster to which the host is about to belong */
  cluster: string;
  /** the routes that it is about to have, `address:port` */
  routes: readonly string[];
}

/**
 * A store goes with its cluster. A standalone server's must not be clustered: the meta group doesn't know its streams, and servers from
 * 2.9.15 delete such streams about 30 s after they start; a clustered store holds the meta group's own folder. Nor may a clustered one meet
 * another cluster: all meta groups bear the same name, so their votes and logs would mix, and each would take the other's streams for orphans.
 * A cluster that is only named anew keeps its peers.
 */
export function storeGuard({ storeDir, conf, cluster, routes }: Guarded): Resource {
  return resource({
    type: "store",
    name: storeDir,
    uses: [
      {
        name: "store-guard",
        text: `
store_check() { # STORE-DIR CONF CLUSTER ROUTES
  for sp_meta in "$1"/jetstream/*/_js_/_meta_; do
    [ -d "$sp_meta" ] || continue
    store_cluster "$@"
    return 0
  done
  sp_found=
  for sp_stream in "$1"/jetstream/*/streams/*; do [ ! -d "$sp_stream" ] || sp_found="$sp_found \${sp_stream##*/}"; done
  [ -z "$sp_found" ] || cannot "$1 holds streams of a standalone server:$sp_found. In a cluster nats-server would delete them" \\
    "snapshot them first and restore them into the cluster (playbooks/migrate.mts), or, if they may go, move $1/jetstream away"
}
store_cluster() {
  [ -r "$2" ] || return 0
  sp_name=$(sed -n '/^cluster {/,/^}/s/^  name: "\\(.*\\)"$/\\1/p' "$2")
  [ -n "$sp_name" ] && [ "$sp_name" != "$3" ] || return 0
  sp_known=$(sed -n '/^  routes: \\[/,/^  \\]/s#^    "nats://\\(.*\\)"$#\\1#p' "$2")
  for sp_route in $4; do
    printf '%s\\n' "$sp_known" | grep -qxF -e "$sp_route" || cannot "$1 is the store of cluster $sp_name, and as one of $3 this host would have a route to $sp_route, which is none of that cluster's. Their meta groups would mix, and streams be lost" \\
      "write cluster.name: $sp_name for this host again. A host goes from one cluster to another by scale.mts --remove in the old one, and scale.mts in the new one; a cluster is named anew before it gets other hosts"
  done
}`,
      },
    ],
    check: sh`store_check ${storeDir} ${conf} ${cluster} ${routes.join(" ")}`,
    apply: sh`:`,
  });
}
