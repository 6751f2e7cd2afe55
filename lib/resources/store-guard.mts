import { type Resource, resource } from "../engine/resource.mts";
import { sh } from "../sh.mts";

/**
 * A standalone server's store must not be clustered: the meta group doesn't know its streams, and servers from 2.9.15 delete
 * such streams about 30 s after they start. A clustered store holds the meta group's own folder.
 */
export function storeGuard(storeDir: string): Resource {
  return resource({
    type: "store",
    name: storeDir,
    uses: [
      {
        name: "store-guard",
        text: `
store_check() {
  for sp_meta in "$1"/jetstream/*/_js_/_meta_; do [ ! -d "$sp_meta" ] || return 0; done
  sp_found=
  for sp_stream in "$1"/jetstream/*/streams/*; do [ ! -d "$sp_stream" ] || sp_found="$sp_found \${sp_stream##*/}"; done
  [ -z "$sp_found" ] || cannot "$1 holds streams of a standalone server:$sp_found. In a cluster nats-server would delete them" \\
    "snapshot them first and restore them into the cluster (playbooks/migrate.mts), or, if they may go, move $1/jetstream away"
}`,
      },
    ],
    check: sh`store_check ${storeDir}`,
    apply: sh`:`,
  });
}
