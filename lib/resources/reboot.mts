import type { ShellLibrary } from "../engine/resource.mts";
import { kernelArgsLibrary } from "./kernel-args.mts";

/** A reboot for the sake of kernel arguments, which leaves time to say that it is on its way. */
export const rebootLibraries: readonly ShellLibrary[] = [
  kernelArgsLibrary,
  {
    name: "reboot",
    text: `
reboot_check() {
  # after its apply the reboot is on its way, and nothing more can be said here
  [ "$SP_PASS" != 2 ] || return 0
  reboot_pending
  [ -z "$PENDING" ] || differs 'kernel arguments' "$PENDING" "as declared (reboot)"
}
reboot_apply() {
  if [ "$(systemctl is-active nats-server)" = active ]; then
    systemctl stop --no-block nats-server || return
    # lame duck mode takes as long as it is configured to; systemd's own limit ends it
    while :; do case $(systemctl is-active nats-server) in active | deactivating) emit t; sleep 1 ;; *) break ;; esac; done
  fi
  sync
  if systemd-run -q --on-active=3 --timer-property=AccuracySec=100ms systemctl reboot; then return 0; fi
  systemctl start nats-server
  return 1
}`,
  },
];
