import { type Resource, resource, type ShellLibrary } from "../engine/resource.mts";
import { sh } from "../sh.mts";
import { FORMER, RELEASES } from "./nats-unit.mts";

/** Names under which a host tells what it has. */
export const INSTALLED = "installed";
export const FORMERLY = "former";

/** What a release takes at most while it is put in its place, and what a server should find free in its store, MiB. */
const RELEASE_MIB = 100;
const STORE_MIB = 256;

const library: ShellLibrary = {
  name: "nats-releases",
  text: `
room_in() { # FOLDER MIB WHAT
  sp_dir=$1 sp_want=$2 sp_what=$3
  while [ -n "$sp_dir" ] && [ ! -d "$sp_dir" ]; do sp_dir=\${sp_dir%/*}; done
  set -- $(df -Pk "\${sp_dir:-/}" 2>/dev/null | tail -n 1)
  case \${4-} in '' | *[!0-9]*) return 0 ;; esac
  [ "$(($4 / 1024))" -ge "$sp_want" ] || cannot "\${sp_dir:-/} has $(($4 / 1024)) MiB free, $sp_what needs $sp_want" "make room there (former versions below ${RELEASES} may go, but for the one you would go back to)"
}
nats_releases_check() { # VERSION STORE
  sp_all=
  for sp_program in ${RELEASES}/*/nats-server; do
    [ ! -x "$sp_program" ] || { sp_program=\${sp_program%/nats-server}; sp_all="$sp_all \${sp_program##*/}"; }
  done
  tells ${INSTALLED} "\${sp_all# }"
  sp_former=$(cat ${FORMER} 2>/dev/null)
  sp_former=\${sp_former#${RELEASES}/}
  tells ${FORMERLY} "\${sp_former%/nats-server}"
  case " $sp_all " in *" $1 "*) ;; *) room_in ${RELEASES} ${RELEASE_MIB} 'a new version' ;; esac
  [ -z "$2" ] || room_in "$2" ${STORE_MIB} 'a server that catches up after its restart'
}`,
};

/** Looks, and changes nothing: which versions lie on the host and which it had before, and whether there is room for one more. */
export function natsReleases({ version, store }: { version: string; store: string }): Resource {
  return resource({ type: "releases", name: RELEASES, uses: [library], check: sh`nats_releases_check ${version} ${store}`, apply: sh`:` });
}
