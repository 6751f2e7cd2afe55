import { handler } from "../../lib/engine/resource.mts";
import { serviceLibrary } from "../../lib/resources/service.mts";
import { sh } from "../../lib/sh.mts";

export const FINGERPRINT = "/usr/local/lib/sampan/nats-fingerprint";

/**
 * nats-server's process against what lies on the disk: the unit notes at its start, and at each reload, what it reads
 * (templates/nats-fingerprint.mustache). Lame duck mode may take its whole duration, so there is time.
 */
export const reloadOrRestart = handler("reload or restart nats-server", {
  rolling: true,
  timeout: 900,
  uses: [serviceLibrary, {
    name: "nats-fingerprint",
    text: `
nats_due() { # sets DUE to restart, reload or nothing, and WHY
  DUE= WHY=
  unit_state nats-server
  [ "$U_ACTIVE" = active ] && [ -x ${FINGERPRINT} ] || return 0
  if [ "$(${FINGERPRINT} start)" != "$(cat /run/nats-server/start 2>/dev/null)" ]; then DUE=restart WHY='an earlier program, unit or restart-only option'
  elif [ "$(${FINGERPRINT} load)" != "$(cat /run/nats-server/load 2>/dev/null)" ]; then DUE=reload WHY='an earlier configuration'
  fi
}`,
  }],
  check: sh`nats_due; [ -z "$DUE" ] || differs "$DUE" "$WHY" 'what lies on the disk'`,
  apply: sh`nats_due
case $DUE in
  restart) systemctl daemon-reload && systemctl restart nats-server ;;
  reload) systemctl reload nats-server ;;
esac || { service_log nats-server; return 1; }`,
});
