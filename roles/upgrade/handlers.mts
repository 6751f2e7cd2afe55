import { type Handler, handler } from "../../lib/engine/resource.mts";
import { natsSwitchLibrary } from "../../lib/resources/nats-switch.mts";
import { sh } from "../../lib/sh.mts";
import { releaseOf } from "../nats-install/tasks.mts";

const made = new Map<string, Handler>();

/**
 * Takes a host from the version it has to this one, at its turn: until then its link leads to the former one, so that a server
 * that crashes or a host that reboots in the meantime comes back as it was. Lame duck mode and large stores take their time.
 */
export function switchTo(version: string): Handler {
  const known = made.get(version);
  if (known) return known;
  const program = releaseOf(version);
  const switching = handler(`switch nats-server to ${version}`, {
    rolling: true,
    foresees: true,
    timeout: 3600,
    uses: natsSwitchLibrary,
    check: sh`nats_switch_check ${program}`,
    apply: sh`nats_switch ${program} ${version}`,
  });
  made.set(version, switching);
  return switching;
}
