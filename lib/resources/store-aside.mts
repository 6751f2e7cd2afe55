import { type Resource, resource } from "../engine/resource.mts";
import { sh } from "../sh.mts";
import { serviceLibrary } from "./service.mts";

/** Where a standalone server's streams are kept, beside the store that the cluster begins with. */
export const asideOf = (storeDir: string): string => `${storeDir}/jetstream.standalone`;

/**
 * Stops a standalone server and moves its streams aside. Only when each of them is among the `saved` ones; nothing is deleted.
 * Once a cluster's store is there, or none, there is nothing to do.
 */
export function storeAside({ storeDir, unit, saved }: { storeDir: string; unit: string; saved: readonly string[] }): Resource {
  return resource({
    type: "standalone store",
    name: storeDir,
    uses: [serviceLibrary, {
      name: "store-aside",
      text: `
store_aside_check() { # STORE ASIDE SAVED…
  for sp_meta in "$1"/jetstream/*/_js_/_meta_; do [ ! -d "$sp_meta" ] || return 0; done
  sp_store=$1 sp_aside=$2 sp_found= sp_saved=" $3 "
  for sp_stream in "$sp_store"/jetstream/*/streams/*; do
    [ -d "$sp_stream" ] || continue
    sp_found=yes
    case $sp_saved in *" \${sp_stream##*/} "*) ;; *) cannot "$sp_store holds the stream \${sp_stream##*/} (account $(sp_a=\${sp_stream%/streams/*}; printf %s "\${sp_a##*/}")), which wasn't saved" "look whose it is; save it with the credentials of its account, or delete it" ;; esac
  done
  if [ -n "$sp_found" ]; then differs streams "$sp_store/jetstream" "$sp_aside"
  elif [ -n "$3" ] && [ ! -d "$sp_aside" ]; then cannot "$sp_store holds none of the old server's streams" "say with --store where its store_dir is"
  fi
}
store_aside_apply() { # STORE ASIDE UNIT
  [ ! -e "$2" ] || cannot "$2 is there already, of another migration" "look what it holds, move it away, and run again"
  unit_state "$3"
  case $U_ACTIVE in active | reloading | activating) ;; *) [ -z "$(pidof nats-server 2>/dev/null)" ] || cannot "a nats-server runs here, and not as the unit $3" "say with --unit which unit it is, or stop it" ;; esac
  systemctl stop "$3" || return
  [ "$3" = nats-server ] || systemctl -q disable "$3" 2>/dev/null
  mv "$1/jetstream" "$2" && sync
}`,
    }],
    check: sh`store_aside_check ${storeDir} ${asideOf(storeDir)} ${saved.join(" ") || ""}`,
    apply: sh`store_aside_apply ${storeDir} ${asideOf(storeDir)} ${unit}`,
    timeout: 900,
  });
}
