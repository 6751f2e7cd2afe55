import type { ShellLibrary } from "../engine/resource.mts";
import { fileLibrary } from "./file.mts";
import { FORMER, NATS_SERVER, natsUnitLibrary, RESTART_ONLY, TRYING } from "./nats-unit.mts";
import { serviceLibrary } from "./service.mts";
import { symlinkLibrary } from "./symlink.mts";

/** Takes one host's nats-server from one version to another: stop, switch the link, start, wait. */
export const natsSwitchLibrary: readonly ShellLibrary[] = [
  fileLibrary,
  serviceLibrary,
  symlinkLibrary,
  ...natsUnitLibrary,
  {
    name: "nats-switch",
    text: `
nats_switch_check() { # PROGRAM
  symlink_check ${NATS_SERVER} "$1"
  unit_state nats-server
  case $U_ACTIVE in
    active | reloading) nats_due; [ "$DUE" != restart ] || differs process "runs with an earlier $WHY" 'what lies on the disk' ;;
    *) differs state "$U_ACTIVE" active ;;
  esac
}
nats_listens() {
  sp_port=$(sed -n 's/^listen = .*:\\([0-9]*\\)$/\\1/p' ${RESTART_ONLY})
  listens_on nats-server "$(printf %04X "\${sp_port:-4222}")"
}
# A server that goes through large streams listens late: it is waited for as long as it lives. Once is enough to see it die.
nats_comes_up() {
  sp_restarts=$(systemctl show -p NRestarts nats-server)
  until nats_listens; do
    unit_state nats-server
    case $U_ACTIVE,$(systemctl show -p NRestarts nats-server) in active,"$sp_restarts" | reloading,"$sp_restarts") ;; *) return 1 ;; esac
    emit t
    sleep 0.2 2>/dev/null || sleep 1
  done
}
nats_switch() { # PROGRAM VERSION
  sp_link=$(readlink ${NATS_SERVER}) sp_before=
  case $sp_link in /opt/nats-server/*/nats-server) sp_before=\${sp_link#/opt/nats-server/} sp_before=\${sp_before%/nats-server} ;; esac
  systemctl stop nats-server || { service_log nats-server; return 1; }
  # From here to the first start: a store that is as old as this mark was written by the version before.
  if [ -n "$sp_before" ] && [ "$sp_before" != "$2" ] && [ "$(cat ${TRYING} 2>/dev/null)" != "$2" ]; then printf '%s\\n' "$sp_before" >${TRYING} || return; fi
  [ "$sp_link" = "$1" ] || symlink_apply ${NATS_SERVER} "$1" ${FORMER} || return
  systemctl daemon-reload && { systemctl reset-failed nats-server 2>/dev/null || :; } && systemctl start nats-server && nats_comes_up || {
    service_log nats-server
    # It would be started again and again by a version that can't: the user decides what is next.
    systemctl stop nats-server
    cannot "nats-server $2 doesn't start on this host; the other nodes serve" "read its last lines above (journalctl -u nats-server has all); to go back: ./playbooks/upgrade.mts --rollback"
  }
  rm -f ${TRYING}
}`,
  },
];
