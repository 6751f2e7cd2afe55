#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../lib/boot.sh" "$0" "$@"'
import { clusterConfig } from "../roles/cluster-config/tasks.mts";
import { checkStep, rotateCa } from "../roles/rotate/ca.mts";
import { checkOwn, rotateCertificates } from "../roles/rotate/certificates.mts";
import { dropSeeds, renewSeeds } from "../roles/rotate/credentials.mts";
import { flags, rotationOf } from "../roles/rotate/options.mts";
import { rotating } from "../roles/rotate/users.mts";
import { sitePlaybook } from "../roles/site.mts";
import { verify, verifyHosts } from "../roles/verify/tasks.mts";
import { verified } from "../roles/verify/verified.mts";

await sitePlaybook(
  {
    about: "replaces certificates, the CA or users' seeds of a running cluster: reloads only, one node at a time, old and new valid side by side",
    examples: [
      ["--certificates", "new keys and certificates for all servers"],
      ["--ca", "a new CA beside the old one; then --ca --switch, then --ca --finish"],
      ["--credentials --user app", "a new seed beside the old one; then --credentials --user app --finish"],
      ["--ca --switch --check --diff", "what would change"],
    ],
    flags,
    writes: true,
    page: "rotation",
    clusters: "all",
    without: ["limit", "tags", "role", "list-tasks", "start-at-task", "all-at-once"],
    roles: [clusterConfig, verifyHosts, verify],
    adapt: (options) => {
      rotationOf(options);
      return options;
    },
    choose: (inventory, options) => {
      const rotation = rotationOf(options);
      if (rotation.what === "credentials") rotating(inventory, rotation.users);
      else checkOwn(inventory);
      if (rotation.what === "ca") checkStep(inventory, rotation.step);
      return { inventory, hosts: inventory.hosts };
    },
  },
  async (run) => {
    const rotation = rotationOf(run.config.options);
    if (rotation.what === "certificates") await rotateCertificates(run);
    if (rotation.what === "ca") await rotateCa(run, rotation.step);
    if (rotation.what === "credentials") await (rotation.finish ? dropSeeds : renewSeeds)(run, rotation);
    await verified(run);
  },
);
