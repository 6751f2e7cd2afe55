import { type Resource, resource, type ShellLibrary } from "../engine/resource.mts";
import { sh } from "../sh.mts";

/**
 * What a drill keeps on a host: `fault` (the one in hand) and `heal`, the script that undoes any. The drill runs it, the dead-man's
 * timer does when nobody has in time, and the next drill: there is one way back. All is gone with the next boot but what
 * lies in the store: a file that fills it, or its streams moved aside.
 */
export const DRILL = "/run/sampan/drill";
/** Rules of ours by their number (ip-rule, priority). */
const PRIORITY = 14222;
/** Stands beside the store's folder `jetstream`, in its file system. */
const FILL = "sampan-drill-fill",
  ASIDE = "sampan-drill-aside";

export const drillLibrary: ShellLibrary = {
  name: "drill",
  text: `
drill_script() { # writes heal
  mkdir -p ${DRILL} && chmod 700 ${DRILL} || return
  cat >${DRILL}/heal.new <<'END' && mv ${DRILL}/heal.new ${DRILL}/heal
# heal STORE: undoes what a drill has done to this host, whatever it was.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
exec 8>>${DRILL}/lock && flock 8
for family in -4 -6; do
  while ip $family rule del pref ${PRIORITY}; do :; done
done 2>/dev/null
systemctl kill -s CONT nats-server 2>/dev/null
if [ -e "$1/${FILL}" ]; then
  rm -f "$1/${FILL}"
  # For want of room the server has turned its JetStream off until its next start. TERM: no lame duck, it leads nothing any more.
  was=$(systemctl show -p MainPID nats-server) tries=0
  systemctl kill -s TERM nats-server 2>/dev/null
  while [ "$was" != MainPID=0 ] && [ "$(systemctl show -p MainPID nats-server)" = "$was" ] && [ $tries -lt 100 ]; do sleep 0.2; tries=$((tries + 1)); done
  systemctl stop nats-server
fi
# Only a server that has not started empty may have its old store back: what it acknowledged since would be gone.
[ -d "$1/jetstream" ] || [ ! -d "$1/${ASIDE}" ] || mv "$1/${ASIDE}" "$1/jetstream"
systemctl reset-failed nats-server 2>/dev/null
systemctl start nats-server || exit
rm -f ${DRILL}/fault
systemctl stop sampan-drill.timer 2>/dev/null
exit 0
END
}
drill_left() { # STORE: what a drill has left, as differs says it
  [ ! -e ${DRILL}/fault ] || differs fault "$(cat ${DRILL}/fault)" none
  [ ! -e "$1/${FILL}" ] || differs "$1/${FILL}" present absent
  [ -d "$1/jetstream" ] || [ ! -d "$1/${ASIDE}" ] || differs "$1/jetstream" 'moved aside' 'in its place'
}
# A drill that is being stopped still puts things back.
drill_heal() { drill_script && { sh ${DRILL}/heal "$1" || { service_log nats-server; return 1; }; }; }
drill_hand() { cat ${DRILL}/fault 2>/dev/null; } # the fault in hand
# drill_arm FAULT SECONDS STORE: from here on the host heals by itself, should nobody do it before
drill_arm() {
  drill_script || return
  systemctl stop sampan-drill.timer sampan-drill.service 2>/dev/null
  systemctl reset-failed sampan-drill.timer sampan-drill.service 2>/dev/null
  systemd-run --quiet --collect --unit=sampan-drill --on-active="$2" --timer-property=AccuracySec=1s sh ${DRILL}/heal "$3" ||
    cannot 'systemd takes no timer that would undo the fault by itself, so it was not made' 'look at systemctl status sampan-drill.timer'
  printf '%s' "$1" >${DRILL}/fault
}
drill_fill=${FILL} drill_aside=${ASIDE} drill_priority=${PRIORITY} drill_lock=${DRILL}/lock
drill_room() { set -- $(df -Pk "$1" | tail -n 1); printf %s "$4"; } # KiB that are free for users
drill_of() { set -- $(df -Pk "$1" | tail -n 1); printf %s "$6"; } # its mount point`,
};

/** Runs also in a session whose run has been stopped: what a drill has broken is put back by all means. */
const evenWhenStopped: ShellLibrary = { name: "even-when-stopped", text: "trap '' USR1; SP_STOP=0" };

/** Nothing that a drill did to this host is left: no fault, no full disk, the store in its place, the server started. */
export const drillHealed = (store: string): Resource =>
  resource({
    type: "drill",
    name: "undone",
    uses: [drillLibrary, evenWhenStopped],
    check: sh`drill_left ${store}`,
    apply: sh`drill_heal ${store}`,
    timeout: 180,
  });

/** The old store of a node that has lost it in a drill and has its replicas again; to be asked for only when the cluster is whole. */
export const drillCopyGone = (store: string): Resource =>
  resource({
    type: "drill",
    name: "old store removed",
    uses: [drillLibrary],
    check: sh`[ ! -d ${store}/"$drill_aside" ] || [ ! -d ${store}/jetstream ] || differs ${store}/"$drill_aside" present absent`,
    apply: sh`rm -rf ${store}/"$drill_aside"`,
    timeout: 900,
  });
