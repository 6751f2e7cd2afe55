import { editEnv, envText, withNext, withNextInUse, withoutOld } from "../../lib/pki/seeds.mts";
import { clusterPhase } from "../../lib/playbook/cluster-phase.mts";
import { clustersOf } from "../cluster.mts";
import type { SiteRun } from "../site.mts";
import { newSeedsAccepted, nobodyByOldSeed } from "./proofs.mts";
import { command, held, rollOut, showSteps } from "./roll-out.mts";
import { type Rotating, rotating } from "./users.mts";

const each = (env: string, users: readonly Rotating[], edit: (env: string, variable: string) => string): string =>
  users.reduce((text, u) => edit(text, u.seeds.variable), env);

/** New seeds: every server accepts them beside the old ones, they are tried on each, and then .env has them in use. */
export async function renewSeeds(run: SiteRun, { users: wanted }: { users: readonly string[] | undefined }): Promise<void> {
  const { inventory } = run.config;
  const { users, passed } = rotating(inventory, wanted);
  for (const text of passed) run.emit({ type: "warning", text });
  if (!(await held(run))) return;
  const fresh = users.filter((u) => u.seeds.phase !== "renewed");
  const ahead = each(envText(inventory.dir), fresh, withNext);
  if (run.mode === "apply" && fresh.length) editEnv(inventory.dir, (env) => each(env, fresh, withNext));
  if (!(await rollOut(run, "accept the new seeds beside the old ones", { env: ahead }))) return;
  if (run.mode === "apply" && fresh.length) {
    const accepted = rotating(
      inventory,
      fresh.map((u) => u.name),
    ).users;
    await clusterPhase(run, "the new seeds let in", newSeedsAccepted(accepted), await clustersOf(run));
    if (run.exit !== 0) return;
    editEnv(inventory.dir, (env) => each(env, accepted, withNextInUse));
  }
  const named = wanted ? ` ${wanted.map((u) => `--user ${u}`).join(" ")}` : "";
  const done = run.mode === "apply" ? "done" : "to come";
  showSteps(run, "from the old seeds to the new ones", [
    ["servers accept both", done, command(run, `--credentials${named}`)],
    [
      "clients take the new seed",
      "yours",
      users.map((u) => `${u.name}: ${u.seeds.variable} in ${inventory.dir}/.env (the old one: ${u.seeds.variable}_OLD)`).join("; "),
    ],
    ["the old seed is dropped", "to come", command(run, `--credentials${named} --finish`)],
  ]);
}

/** The old seeds are no longer accepted; not while clients are connected by one, unless told so. */
export async function dropSeeds(run: SiteRun, { users: wanted, disconnect }: { users: readonly string[] | undefined; disconnect: boolean }): Promise<void> {
  const { inventory } = run.config;
  const users = rotating(inventory, wanted).users.filter((u) => u.seeds.phase === "renewed");
  if (!(await held(run))) return;
  // First that all servers run with what .env says: an interrupted run may have left some behind.
  if (!(await rollOut(run, "read back", {}))) return;
  if (!disconnect && users.length) await clusterPhase(run, "clients by the old seed", nobodyByOldSeed(users), await clustersOf(run));
  if (run.exit === 1 || run.stopped) return;
  const ahead = each(envText(inventory.dir), users, withoutOld);
  if (run.mode === "apply" && users.length) editEnv(inventory.dir, (env) => each(env, users, withoutOld));
  await rollOut(run, "the old seeds are accepted no longer", { env: ahead });
}
