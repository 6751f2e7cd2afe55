import { type Resource, resource, type ShellLibrary } from "../engine/resource.mts";
import { type Sh, sh } from "../sh.mts";
import { drillLibrary } from "./drill.mts";
import { serviceLibrary } from "./service.mts";

/** Where to break a host. */
export interface Place {
  /** the JetStream store's folder */
  store: string;
  /** of clients and of routes */
  ports: readonly [client: number, route: number];
}

/** A fault by its name; `deadline`: after so many seconds the host heals by itself. */
export type Make = (name: string, place: Place, deadline: number) => Resource;

/** The largest disk that is filled, KiB: 1 TiB; where the room may be somebody else's (memory, a container) 1 GiB. */
const LARGEST = 2 ** 30,
  LARGEST_SHARED = 2 ** 20;

const faults: ShellLibrary = {
  name: "drill-faults",
  text: `
drill_can() { # FAULT CONDITION ARGUMENTS: a fault in hand is as desired; one that can't be made here is skipped
  sp_fault=$1
  shift
  [ "$(drill_hand)" != "$sp_fault" ] || return 0
  "$@"
  differs fault none "$sp_fault"
}
drill_can_cut() {
  command -v ip >/dev/null || skip 'there is no ip command (iproute2) to cut it off with'
  # bit 12: CAP_NET_ADMIN
  sp_caps=$(grep '^CapEff:' /proc/self/status)
  [ $((0x\${sp_caps##*[!0-9a-f]} >> 12 & 1)) = 1 ] || skip 'root may not change the network there (a container without CAP_NET_ADMIN)'
}
drill_can_fill() { # STORE
  sp_mount=$(drill_of "$1") sp_room=$(drill_room "$1")
  case $sp_mount in
    / | /usr | /var | /var/lib | /var/log | /home | /root | /tmp | /run | /dev | /boot) skip "the store has no file system of its own (it lies in that of $sp_mount), and others would suffer" ;;
  esac
  sp_most=${LARGEST}
  case $(stat -f -c %T "$1") in tmpfs | ramfs) sp_most=${LARGEST_SHARED} ;; esac
  [ ! -s /run/systemd/container ] || sp_most=${LARGEST_SHARED}
  [ "$sp_room" -le $sp_most ] || skip "$sp_mount has $((sp_room / 1024)) MiB free, and at most $((sp_most / 1024)) MiB are filled here"
}
drill_can_lose() { # STORE
  [ -d "$1/jetstream" ] || skip 'it has no store yet'
  [ ! -e "$1/$drill_aside" ] || cannot "$1/$drill_aside is still there from an earlier drill" 'when all streams are whole, remove it on the host'
  sp_size=$(du -sk "$1/jetstream") sp_size=\${sp_size%%[!0-9]*} sp_room=$(drill_room "$1")
  [ "$sp_room" -gt "$sp_size" ] || skip "no room for a second copy of the store: $((sp_size / 1024)) MiB, and $((sp_room / 1024)) MiB are free"
}
drill_cut() { # CLIENT-PORT ROUTE-PORT: the host says nothing from and to these any more; its own connections within stay
  # 6 is TCP: a bare host has no list of names
  for sp_family in -4 -6; do
    [ $sp_family = -4 ] || [ -e /proc/net/if_inet6 ] || continue
    for sp_end in "sport $1" "sport $2" "dport $2"; do
      ip $sp_family rule add pref "$drill_priority" ipproto 6 $sp_end blackhole || cannot 'this kernel takes no routing rules by port' 'leave the fault out (--fault), or pull the cable'
    done
  done
}
drill_brim() { # STORE
  sp_room=$(drill_room "$1")
  [ "$sp_room" -le 1024 ] || fallocate -l $((sp_room - 1024))K "$1/$drill_fill" || return
  # The last of it by writing, as a file system keeps some for itself: until there is no room, 64 MiB at most.
  dd if=/dev/zero bs=4k count=16384 >>"$1/$drill_fill" 2>/dev/null
  :
}
drill_lose() { # the process ends as in a crash, and stays away
  systemctl kill -s KILL nats-server && systemctl stop nats-server
}
drill_is_empty() { # STORE
  [ "$(drill_hand)" = lose-store ] || cannot 'the dead-man on the host was faster, and has started the server as it was' 'run again'
  unit_state nats-server
  [ "$U_ACTIVE" = active ] && [ -d "$1/$drill_aside" ] || differs store 'as it was' 'empty, the old one aside'
}
drill_start_empty() { # STORE
  # the dead-man waits; if it was faster, nothing is moved from under a running server
  exec 8>>$drill_lock && flock 8 || return
  [ "$(drill_hand)" = lose-store ] || return
  mv "$1/jetstream" "$1/$drill_aside" || return
  # A folder for the server to find: from here on its old store is not put back.
  mkdir -m 750 "$1/jetstream" && chown nats:nats "$1/jetstream" && systemctl start nats-server 8>&-
}`,
};

const fault =
  (can: (place: Place) => Sh, make: (place: Place) => Sh): Make =>
  (name, place, deadline) =>
    resource({
      type: "fault",
      name,
      uses: [serviceLibrary, drillLibrary, faults],
      timeout: 120,
      check: sh`drill_can ${name} ${can(place)}`,
      apply: sh`drill_arm ${name} ${deadline} ${place.store} && ${make(place)}`,
    });

/** SIGKILL; systemd starts it again after the unit's RestartSec. */
export const killed = fault(
  () => sh`:`,
  () => sh`systemctl kill -s KILL nats-server`,
);

/** SIGSTOP: its connections stay open, and nobody answers. */
export const paused = fault(
  () => sh`:`,
  () => sh`systemctl kill -s STOP nats-server`,
);

/** Silent towards clients and the other nodes; SSH stays. By routing rules, so that a bare host can do it. */
export const cutOff = fault(
  () => sh`drill_can_cut`,
  ({ ports }) => sh`drill_cut ${ports}`,
);

/** No byte is left in the store's file system, where that is its own. */
export const filled = fault(
  ({ store }) => sh`drill_can_fill ${store}`,
  ({ store }) => sh`drill_brim ${store}`,
);

/** Killed, and not started again yet: what comes next is `startedEmpty`. */
export const down = fault(
  ({ store }) => sh`drill_can_lose ${store}`,
  () => sh`drill_lose`,
);

/** Killed, and away until it is put back, with all that it has. */
export const away = fault(
  () => sh`:`,
  () => sh`drill_lose`,
);

/** After `down`: its streams are moved aside, and it starts with nothing. */
export const startedEmpty = ({ store }: Place): Resource =>
  resource({
    type: "store",
    name: "empty",
    uses: [serviceLibrary, drillLibrary, faults],
    timeout: 120,
    check: sh`drill_is_empty ${store}`,
    apply: sh`drill_start_empty ${store}`,
  });
