import { type Resource, resource } from "../engine/resource.mts";
import { sh } from "../sh.mts";
import { serviceLibrary } from "./service.mts";

/** By this name the playbook finds where the store of a retired server lies. */
export const RETIRED_STORE = "retired_store";

/**
 * A server that has left its cluster: stopped through lame duck, not started at boot, its configuration and store moved aside. Nothing is
 * deleted, and nothing of it can start by accident: under its old name and with its old store it would be a ghost.
 * @param conf the server's configuration file
 * @param storeDir its store_dir
 */
export function natsRetired({ conf, storeDir }: { conf: string; storeDir: string }): Resource {
  return resource({
    type: "retired",
    name: "nats-server",
    uses: [
      serviceLibrary,
      {
        name: "nats-retired",
        text: `
retired_check() { # CONF STORE-DIR
  unit_state nats-server
  case $U_ACTIVE in inactive | failed) ;; *) differs service "$U_ACTIVE" stopped ;; esac
  case $U_FILE in enabled*) differs enabled "$U_FILE" disabled ;; esac
  [ ! -e "$1" ] || differs configuration "$1" "$1.retired"
  [ ! -e "$2/jetstream" ] || differs store "$2/jetstream" "$2/jetstream.retired-<time>"
  sp_kept=
  for sp_store in "$2"/jetstream.retired-*; do [ ! -d "$sp_store" ] || sp_kept=$sp_store; done
  tells ${RETIRED_STORE} "$sp_kept"
}
retired_apply() {
  unit_state nats-server
  case $U_FILE in enabled*) systemctl -q disable nats-server || return ;; esac
  [ "$U_LOAD" = not-found ] || systemctl stop nats-server || { service_log nats-server; return 1; }
  systemctl reset-failed nats-server 2>/dev/null
  [ ! -e "$1" ] || mv -f "$1" "$1.retired" || return
  [ ! -e "$2/jetstream" ] || mv "$2/jetstream" "$2/jetstream.retired-$(date -u +%Y%m%dT%H%M%SZ)"
}`,
      },
    ],
    check: sh`retired_check ${conf} ${storeDir}`,
    apply: sh`retired_apply ${conf} ${storeDir}`,
    // lame duck may take its whole duration
    timeout: 900,
  });
}
