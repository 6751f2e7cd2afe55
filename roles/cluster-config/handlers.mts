import { handler } from "../../lib/engine/resource.mts";
import { natsUnitLibrary } from "../../lib/resources/nats-unit.mts";
import { sh } from "../../lib/sh.mts";

/** nats-server's process against what lies on the disk. Lame duck mode may take its whole duration, so there is time. */
export const reloadOrRestart = handler("reload or restart nats-server", {
  rolling: true,
  foresees: true,
  timeout: 900,
  uses: natsUnitLibrary,
  check: sh`nats_due; [ -z "$DUE" ] || differs "$DUE" "runs with an earlier $WHY" 'what lies on the disk'`,
  apply: sh`nats_due; nats_follow "$DUE"`,
});
