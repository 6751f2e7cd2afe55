import { UsageError } from "../../lib/inventory/types.mts";
import { apply, type CaPhase, caPhase, dropOld, type Files, signWithNew, trustNew } from "../../lib/pki/rotation.mts";
import type { SiteRun } from "../site.mts";
import { command, held, rollOut, showSteps } from "./roll-out.mts";

type Step = "trust" | "switch" | "finish";

/** Is it this step's turn? The last one may always be run again: an earlier run of it may have been interrupted. @throws UsageError with the one that comes before */
export function checkStep({ dir }: { dir: string }, step: Step): void {
  const phase = caPhase(dir);
  if (step === "switch" && phase === "single") throw new UsageError(`${dir}/pki: there is no new CA to switch to; first run --ca`);
  if (step === "finish" && phase === "trusted")
    throw new UsageError(`${dir}/pki: the servers' certificates still come from the old CA; first run --ca --switch`);
  if (step === "trust" && phase === "switched")
    throw new UsageError(`${dir}/pki: the CA has been replaced, and the old one is still trusted; first run --ca --finish`);
}

/** One step of the way from one CA to the next; each may be run again, and goes on where it stopped. */
export async function rotateCa(run: SiteRun, step: Step): Promise<void> {
  const { dir } = run.config.inventory;
  if (!(await held(run))) return;
  const phase = caPhase(dir);
  if (await steps[step](run, dir, phase)) show(run, run.mode === "check" ? phase : caPhase(dir), step);
}

const steps: Record<Step, (run: SiteRun, dir: string, phase: CaPhase) => Promise<boolean>> = {
  trust: async (run, dir) => write(run, dir, await trustNew(dir), "trust the new CA beside the old one"),
  // Nobody may show a certificate of the new CA before all trust it.
  switch: async (run, dir, phase) =>
    (phase === "switched" || (await rollOut(run, "trust both CAs", {}))) && write(run, dir, signWithNew(dir), "certificates of the new CA"),
  // Nor may the old one go before all show the new one's.
  finish: async (run, dir) => (await rollOut(run, "certificates of the new CA", {})) && write(run, dir, dropOld(dir), "the old CA is trusted no longer"),
};

async function write(run: SiteRun, dir: string, files: Files, phase: string): Promise<boolean> {
  if (run.mode === "apply") apply(dir, files);
  return rollOut(run, phase, { pki: files });
}

function show(run: SiteRun, phase: CaPhase, step: Step): void {
  const reached = run.mode === "apply" && step === "finish" ? 3 : { single: 0, trusted: 1, switched: 2 }[phase];
  const state = (at: number): string => (reached >= at ? "done" : "to come");
  showSteps(run, "from the old CA to the new one", [
    ["servers trust both", state(1), command(run, "--ca")],
    ["clients trust both", reached >= 2 ? "before now" : "yours", `give them ${run.config.inventory.dir}/pki/ca.crt, and have them read it`],
    ["certificates of the new CA", state(2), command(run, "--ca --switch")],
    ["the old CA is dropped", state(3), command(run, "--ca --finish")],
  ]);
}
