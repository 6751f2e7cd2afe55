#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../../../lib/boot.sh" "$0" "$@"'
import { plan } from "../../../lib/engine/compile.mts";
import { TYPICAL } from "../../../lib/engine/facts.mts";
import { select } from "../../../lib/inventory/select.mts";
import type { Inventory } from "../../../lib/inventory/types.mts";
import { playbook } from "../../../lib/playbook/playbook.mts";
import { site } from "./tasks.mts";
import { type JobVars, loadJob } from "./vars.mts";

await playbook<JobVars, Inventory<JobVars>>(
  {
    about: "the job of the benchmark, the same as peers/ansible/site.yml",
    examples: [["-i FOLDER", "an inventory as ../inventories.mts writes it"]],
    roles: [site.name],
    writes: true,
    storeDir: () => "/var/lib/nats/jetstream",
    load: ({ inventory: folder, extraVars, limit }) => {
      const inventory = loadJob(folder, { extraVars });
      return { inventory, hosts: limit === undefined ? inventory.hosts : select(inventory, limit) };
    },
    checkFacts: () => [],
    tasks: async ({ config: { inventory, hosts } }) =>
      hosts.flatMap((host) =>
        plan([{ role: site.name, resources: site.resources({ host, vars: host.vars, facts: TYPICAL, inventory, prepared: new Map() }) }]),
      ),
  },
  (run) => run.hosts("site", [site]),
);
