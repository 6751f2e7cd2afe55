import type { ShellLibrary } from "../engine/resource.mts";
import { fileLibrary } from "./file.mts";
import { serviceLibrary } from "./service.mts";

/** Prints what nats-server reads; its unit keeps the output from the moment of reading (roles/cluster-config/templates). */
export const FINGERPRINT = "/usr/local/lib/sampan/nats-fingerprint";
export const NATS_SERVER = "/usr/local/bin/nats-server";
/** where versions lie side by side: <version>/nats-server */
export const RELEASES = "/opt/nats-server";
/** where NATS_SERVER led before it was switched last */
export const FORMER = `${RELEASES}/.former`;
/** Is there while a version is switched to, until it serves, and holds the version before it. Nothing in the store newer than it: that one wrote the store last. */
export const TRYING = `${RELEASES}/.trying`;
export const UNIT = "/etc/systemd/system/nats-server.service";
/** The options that only a restart changes, alone: so a difference in them shows as a difference of this file. */
export const RESTART_ONLY = "/etc/nats/restart-only";

/** What takes a restart to change, and what a reload is enough for. */
export const READ_AT_START = [RESTART_ONLY, "/etc/nats/nats-server.env", UNIT];
export const READ_AT_RELOAD = ["/etc/nats/nats-server.conf", "/etc/nats/tls/ca.crt", "/etc/nats/tls/server.crt", "/etc/nats/tls/server.key"];

/** Says by `nats_due` whether the running nats-server is behind what lies, or after this program will lie, on the disk. */
export const natsUnitLibrary: readonly ShellLibrary[] = [
  fileLibrary,
  serviceLibrary,
  {
    name: "nats-unit",
    text: `
nats_will_read() { # FILE…: as sha256sum prints it
  for sp_file do will_sum "$sp_file"; printf '%s  %s\\n' "$S_SUM" "$sp_file"; done
}
nats_program() { will_link ${NATS_SERVER}; will_sum "$S_LINK"; printf '%s  %s\\n' "$S_SUM" "$S_LINK"; }
nats_due() { # sets DUE to restart, reload or nothing, and WHY
  DUE= WHY=
  unit_state nats-server
  [ "$U_ACTIVE" = active ] || return 0
  sp_start=$(cat /run/nats-server/start 2>/dev/null) sp_load=$(cat /run/nats-server/load 2>/dev/null)
  if [ "$sp_start" != "$(nats_program; nats_will_read ${READ_AT_START.join(" ")})" ]; then DUE=restart WHY='program, unit or restart-only option'
  elif [ "$sp_load" != "$(nats_will_read ${READ_AT_RELOAD.join(" ")})" ]; then DUE=reload WHY=configuration
  fi
}
nats_follow() { # restart or reload
  case $1 in
    restart) systemctl daemon-reload && systemctl restart nats-server && service_ready nats-server true ;;
    reload) systemctl reload nats-server ;;
  esac || { service_log nats-server; return 1; }
}`,
  },
];
