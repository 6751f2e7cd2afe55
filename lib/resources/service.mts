import { type Resource, resource, type ShellLibrary } from "../engine/resource.mts";
import { type Sh, sh } from "../sh.mts";

export interface ServiceSpec {
  name: string;
  enabled: boolean;
  running: boolean;
  /** the unit's file, when an earlier resource writes it: then --check knows that systemd will have to load it */
  unit?: string;
  /** succeeds once the started service answers; tried for 30 s */
  ready?: Sh;
  needs?: readonly string[];
}

export const serviceLibrary: ShellLibrary = {
  name: "service",
  text: `
unit_state() { # NAME: sets U_LOAD U_ACTIVE U_FILE U_RELOAD
  U_LOAD= U_ACTIVE= U_FILE= U_RELOAD=
  for sp_property in $(systemctl show -p LoadState -p ActiveState -p UnitFileState -p NeedDaemonReload "$1"); do
    case $sp_property in
      LoadState=*) U_LOAD=\${sp_property#*=} ;;
      ActiveState=*) U_ACTIVE=\${sp_property#*=} ;;
      UnitFileState=*) U_FILE=\${sp_property#*=} ;;
      NeedDaemonReload=*) U_RELOAD=\${sp_property#*=} ;;
    esac
  done
}
service_check() { # NAME ENABLED RUNNING UNIT-FILE
  unit_state "$1"
  [ "$U_LOAD" != masked ] || { differs state masked unmasked; return 0; }
  if [ -n "$4" ] && [ "$U_LOAD" = loaded ]; then
    sum_of "$4"
    sp_sum=$S_SUM
    will_sum "$4"
    [ "$S_SUM" = "$sp_sum" ] || U_RELOAD=yes
  fi
  [ "$U_RELOAD" != yes ] || differs definition 'changed on disk' 'loaded by systemd'
  # enabled-runtime is gone after a reboot; static and its like can't be enabled
  case $2,$U_FILE in yes,enabled | no,disabled | no, | no,static | no,indirect | no,generated | no,transient) ;; yes,*) differs enabled "\${U_FILE:-no}" enabled ;; *) differs enabled "$U_FILE" disabled ;; esac
  case $3,$U_ACTIVE in yes,active | yes,reloading | no,inactive | no,failed) ;; yes,*) differs state "$U_ACTIVE" active ;; *) differs state "$U_ACTIVE" inactive ;; esac
}
service_log() {
  journalctl -u "$1" -n 15 --no-pager -o cat 2>/dev/null
  sp_dropins=$(systemctl show -p DropInPaths "$1")
  [ "\${sp_dropins#*=}" = '' ] || echo "its unit is changed by \${sp_dropins#*=}"
}
# listens_on NAME PORT-IN-HEX: a socket of the service's own process has state 0A in /proc/net/tcp; whoever else may have the port
listens_on() {
  sp_pid=$(systemctl show -p MainPID "$1")
  sp_sockets=$(ls -l "/proc/\${sp_pid#*=}/fd" 2>/dev/null)
  # slot, addresses, state, queues, timer, retransmissions, uid, timeout, inode
  while read -r _ _ _ _ _ _ _ _ _ sp_inode _; do
    case $sp_sockets in *"socket:[$sp_inode]"*) return 0 ;; esac
  done <<END
$(grep -hs ":$2 [0:]* 0A " /proc/net/tcp /proc/net/tcp6)
END
  return 1
}
service_apply() { # NAME ENABLED RUNNING READY-FUNCTION
  unit_state "$1"
  [ "$U_LOAD" != masked ] || cannot "the unit $1 is masked: somebody has locked it on purpose" "if that is no longer meant, run on the host: systemctl unmask $1"
  systemctl daemon-reload || return
  if [ "$2" = yes ]; then systemctl -q enable "$1"; else systemctl -q disable "$1" && { [ "$U_FILE" != enabled-runtime ] || systemctl -q disable --runtime "$1"; }; fi || return
  if [ "$3" = no ]; then systemctl stop "$1"; return; fi
  systemctl reset-failed "$1" 2>/dev/null
  systemctl start "$1" || { service_log "$1"; return 1; }
  # one that ran before answers as it was started then: a new port, say, is a matter of its restart
  [ "$U_ACTIVE" = active ] || service_ready "$1" "$4" || { service_log "$1"; return 1; }
}
service_ready() { # NAME FUNCTION: waits up to 30 s until it answers; a service that died is not waited for
  sp_tries=0
  until "$2" >/dev/null 2>&1; do
    unit_state "$1"
    case $U_ACTIVE in active | reloading) ;; *) return 1 ;; esac
    sp_tries=$((sp_tries + 1))
    [ "$sp_tries" -lt 150 ] || { echo "$1 runs, but did not become ready within 30 s"; return 1; }
    emit t
    sleep 0.2 2>/dev/null || sleep 1
  done
}`,
};

/** A systemd service: known to systemd in its present form, enabled, running. A restart is a handler's business. */
export function service({ name, enabled, running, unit = "", ready = sh`:`, needs }: ServiceSpec): Resource {
  const flags = sh`${enabled ? "yes" : "no"} ${running ? "yes" : "no"}`;
  return resource({
    type: "service",
    name,
    uses: [serviceLibrary],
    looksAt: unit ? { sum: [unit] } : undefined,
    check: sh`service_check ${name} ${flags} ${unit}`,
    apply: sh`sp_ready() { ${ready}\n}\nservice_apply ${name} ${flags} sp_ready`,
    needs,
    timeout: 120,
  });
}
