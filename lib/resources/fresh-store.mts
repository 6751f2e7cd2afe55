import { type Resource, resource } from "../engine/resource.mts";
import { sh } from "../sh.mts";
import { serviceLibrary } from "./service.mts";

export interface Newcomer {
  /** its server_name */
  server: string;
  /** the cluster that it joins */
  cluster: string;
  /** the configuration that sampan writes */
  conf: string;
  storeDir: string;
  jetstream: boolean;
}

/**
 * A host that joins a cluster for the first time brings no store of an earlier membership: under the same name its old streams and votes
 * would come back with it. One whose server runs already, as this member of this cluster, is on its way in; any other that runs
 * there is somebody else's.
 */
export function freshStore({ server, cluster, conf, storeDir, jetstream }: Newcomer): Resource {
  return resource({
    type: "new store",
    name: storeDir,
    uses: [
      serviceLibrary,
      {
        name: "fresh-store",
        text: `
fresh_own() { # CONF SERVER CLUSTER
  grep -qsxF 'server_name: "'"$2"'"' "$1" && sed -n '/^cluster {/,/^}/s/^  name: //p' "$1" | grep -qxF '"'"$3"'"'
}
fresh_check() { # STORE-DIR CONF SERVER CLUSTER JETSTREAM
  unit_state nats-server
  case $U_ACTIVE in active | activating | reloading)
    fresh_own "$2" "$3" "$4" || cannot "a nats-server runs here already, and by $2 it is not $3 of cluster $4" \\
      "see that the host's address in hosts.yml is right; a server that isn't needed any more goes by systemctl disable --now nats-server, its store by mv $1/jetstream $1/jetstream.old"
    return 0 ;;
  esac
  [ "$5" = yes ] || return 0
  for sp_meta in "$1"/jetstream/*/_js_/_meta_; do
    [ ! -d "$sp_meta" ] || cannot "$1/jetstream is the store of a server that was in a cluster before, and this host is no member of the cluster now" \\
      "if its streams may be forgotten, move it away on the host: mv $1/jetstream $1/jetstream.old; then run again"
  done
}`,
      },
    ],
    check: sh`fresh_check ${storeDir} ${conf} ${server} ${cluster} ${jetstream ? "yes" : "no"}`,
    apply: sh`:`,
  });
}
