import { type Resource, resource } from "../engine/resource.mts";
import { sh } from "../sh.mts";
import { NATS_SERVER, natsUnitLibrary } from "./nats-unit.mts";

/** By this name the playbook finds the digest that `nats-server -t` prints of the file (2.11 and later; varz has it as config_digest). */
export const CONFIG_DIGEST = "config_digest";

/** Looks, and changes nothing: the configuration on the disk is valid, and the running server has read it. */
export function natsConfig(path: string): Resource {
  return resource({
    type: "configuration",
    name: path,
    uses: [
      ...natsUnitLibrary,
      {
        name: "nats-config",
        text: `
nats_config_check() {
  sp_said=$(${NATS_SERVER} -t -c "$1" 2>&1) || { printf '%s\\n' "$sp_said"; cannot "nats-server would not start with $1 again" "run site.mts with --check --diff to see what differs from the inventory"; }
  case $sp_said in *"(sha256:"*) sp_digest=\${sp_said##*"("}; tells ${CONFIG_DIGEST} "\${sp_digest%%")"*}" ;; esac
  nats_due
  [ -z "$DUE" ] || cannot "the running nats-server has an earlier $WHY than what lies on the disk" "run site.mts: it does the $DUE"
}`,
      },
    ],
    check: sh`nats_config_check ${path}`,
    apply: sh`:`,
  });
}
