import { type Resource, resource } from "../engine/resource.mts";
import { sh } from "../sh.mts";
import { serviceLibrary } from "./service.mts";

/** Where a standalone server's streams are kept, beside the store that the cluster begins with. */
export const asideOf = (storeDir: string): string => `${storeDir}/jetstream.standalone`;

/**
 * Stops a standalone server and moves its store aside, with or without streams. Only when each of them is among the `saved` ones, which are of
 * one account; nothing is deleted. What is aside tells that it is done: a store beside it is the cluster's.
 */
export function storeAside({ storeDir, unit, saved }: { storeDir: string; unit: string; saved: readonly string[] }): Resource {
  return resource({
    type: "standalone store",
    name: storeDir,
    uses: [
      serviceLibrary,
      {
        name: "store-aside",
        text: `
store_aside_check() { # STORE ASIDE SAVED…
  for sp_meta in "$1"/jetstream/*/_js_/_meta_; do
    [ -d "$sp_meta" ] || continue
    [ ! -d "$2" ] || return 0
    cannot "$sp_meta is of a cluster, and $2 isn't there: the old server was once in one, or never ran on this host" "if $1 is its store, move $sp_meta away (the old server alone doesn't use it), and run again"
  done
  sp_store=$1 sp_aside=$2 sp_of= sp_saved=" $3 "
  for sp_stream in "$sp_store"/jetstream/*/streams/*; do
    [ -d "$sp_stream" ] || continue
    sp_name=\${sp_stream##*/} sp_account=\${sp_stream%/streams/*} sp_account=\${sp_account##*/}
    case $sp_saved in *" $sp_name "*) ;; *) cannot "$sp_store holds the stream $sp_name (account $sp_account), which wasn't saved" "look whose it is; save it with the credentials of its account, or delete it" ;; esac
    # Credentials are of one account: what another has under a saved name isn't saved.
    [ "\${sp_of:-$sp_account}" = "$sp_account" ] || cannot "$sp_store holds streams of two accounts, $sp_of and $sp_account ($sp_name), and those of one are saved" "save the other account's with backup.mts or the nats program, delete them on the old server, and run again"
    sp_of=$sp_account
  done
  [ -n "$sp_of" ] || [ -d "$sp_aside" ] || [ -z "$3" ] || cannot "$sp_store holds none of the old server's streams" "say with --store where its store_dir is"
  [ -d "$sp_aside" ] && [ -z "$sp_of" ] || differs streams "$sp_store/jetstream" "$sp_aside"
}
store_aside_apply() { # STORE ASIDE UNIT
  [ ! -e "$2" ] || cannot "$2 is there already, of another migration" "look what it holds, move it away, and run again"
  unit_state "$3"
  case $U_ACTIVE in active | reloading | activating) ;; *) [ -z "$(pidof nats-server 2>/dev/null)" ] || cannot "a nats-server runs here, and not as the unit $3" "say with --unit which unit it is, or stop it" ;; esac
  systemctl stop "$3" || return
  [ "$3" = nats-server ] || systemctl -q disable "$3" 2>/dev/null
  if [ -d "$1/jetstream" ]; then mv "$1/jetstream" "$2"; else mkdir -p "$2"; fi && sync
}`,
      },
    ],
    check: sh`store_aside_check ${storeDir} ${asideOf(storeDir)} ${saved.join(" ") || ""}`,
    apply: sh`store_aside_apply ${storeDir} ${asideOf(storeDir)} ${unit}`,
    timeout: 900,
  });
}
