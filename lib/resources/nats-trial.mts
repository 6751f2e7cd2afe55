import { type Resource, resource } from "../engine/resource.mts";
import { sh } from "../sh.mts";

/** Looks, and changes nothing: a nats-server that lies on the host runs there, is the version it should be, and accepts the host's configuration. */
export function natsTrial({ program, version, config, needs }: { program: string; version: string; config: string; needs: readonly string[] }): Resource {
  return resource({
    type: "trial",
    name: program,
    uses: [
      {
        name: "nats-trial",
        text: `
nats_trial_check() { # PROGRAM VERSION CONFIG
  sp_said=$("$1" --version 2>&1) || { printf '%s\\n' "$sp_said"; cannot "$1 doesn't run on this host" "see whether nats_source has the right program for it; nothing was restarted"; }
  [ "$sp_said" = "nats-server: v$2" ] || cannot "$1 is not version $2 ($sp_said)" "correct nats_source; nothing was restarted"
  [ -f "$3" ] || cannot "there is no $3: no server has been rolled out to this host" "run site.mts first"
  sp_said=$("$1" -t -c "$3" 2>&1) || { printf '%s\\n' "$sp_said"; cannot "nats-server $2 doesn't accept $3, so it wouldn't start" "correct what it names in the inventory, roll that out with site.mts at the present version, and run again; nothing was restarted"; }
}`,
      },
    ],
    check: sh`nats_trial_check ${program} ${version} ${config}`,
    apply: sh`:`,
    needs,
  });
}
