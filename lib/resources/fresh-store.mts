import { type Resource, resource } from "../engine/resource.mts";
import { sh } from "../sh.mts";
import { serviceLibrary } from "./service.mts";

/**
 * A host that joins a cluster for the first time brings no store of an earlier membership: under the same name its old streams and votes
 * would come back with it. One whose server runs already is on its way in.
 */
export function freshStore(storeDir: string): Resource {
  return resource({
    type: "new store",
    name: storeDir,
    uses: [serviceLibrary, {
      name: "fresh-store",
      text: `
fresh_check() { # STORE-DIR
  unit_state nats-server
  [ "$U_ACTIVE" != active ] || return 0
  for sp_meta in "$1"/jetstream/*/_js_/_meta_; do
    [ ! -d "$sp_meta" ] || cannot "$1/jetstream is the store of a server that was in a cluster before, and this host is no member of the cluster now" \\
      "if its streams may be forgotten, move it away on the host: mv $1/jetstream $1/jetstream.old; then run again"
  done
}`,
    }],
    check: sh`fresh_check ${storeDir}`,
    apply: sh`:`,
  });
}
