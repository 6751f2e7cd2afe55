import { setTimeout as sleep } from "node:timers/promises";
import { compile, forRoll, type Step } from "../engine/compile.mts";
import type { Failure } from "../engine/events.mts";
import { type Session, SessionError } from "../engine/session.mts";
import type { Host } from "../inventory/types.mts";
import type { Run } from "./run.mts";

/** ms until a host that was told to reboot is given up: servers with much memory or many disks take minutes before they boot */
const PATIENCE = 600_000;
const PAUSE = 2000;

/**
 * Waits until a host that reboots is back: a new boot id, and the handler no longer due. Its new session takes the place of the old one.
 * @param bootId the one before the reboot
 * @returns false when it failed, which has been reported, or when the run was stopped
 */
export async function comeBack<V>(run: Run<V>, host: Host<V>, steps: readonly Step[], bootId: string, patience = PATIENCE): Promise<boolean> {
  const { handler, role, at } = steps[0]!;
  const about = { lane: host.name, phase: handler!.name, role, task: `back after ${handler!.name}`, location: at };
  const since = performance.now();
  run.emit({ type: "task_start", ...about });
  const session = await reconnect(run, host, bootId, patience, (text) => run.emit({ type: "task_progress", lane: host.name, role, task: about.task, text }));
  if (session === undefined) {
    run.noteStop(`${host.name}: while it rebooted`);
    return false;
  }
  const failure = "what" in session ? session : await leftOver(session, steps);
  run.emit({ type: "task_end", ...about, status: failure ? "failed" : "ok", changes: [], ms: performance.now() - since, failure });
  if (failure) run.out.add(host.name);
  return failure === undefined;
}

/** The new session; or why there is none; or undefined when the run was stopped meanwhile. */
async function reconnect<V>(
  run: Run<V>,
  host: Host<V>,
  bootId: string,
  patience: number,
  progress: (text: string) => void,
): Promise<Session | Failure | undefined> {
  let last: Failure = { what: "it was not tried" };
  run.connections.forget(host);
  for (const deadline = performance.now() + patience; performance.now() < deadline; ) {
    await sleep(PAUSE, undefined, { signal: run.abort.signal }).catch(() => {
      /* stopped */
    });
    if (run.stopped) return undefined;
    try {
      const session = await run.connections.again(host);
      // A login in the middle of booting may be ended again.
      if (session.facts.bootId !== bootId && (await answers(session))) return session;
      last = { what: session.facts.bootId === bootId ? "it still runs as before" : "it answers, but not for long" };
      run.connections.forget(host);
    } catch (error) {
      if (!(error instanceof SessionError)) throw error;
      last = error.failure;
    }
    progress(last.what);
  }
  return {
    ...last,
    what: `${host.name} was told to reboot and is not back after ${patience / 1000} s: ${last.what}`,
    next: "look at its console; once it is up, run again: what was done is kept",
  };
}

/** Whether a session lasts: an empty program comes to its end. */
async function answers(session: Session): Promise<boolean> {
  await sleep(PAUSE);
  return (await session.run(compile([], { mode: "check", diff: false }), "after the reboot", () => {})).ok;
}

/** A handler that is due again right after its reboot would reboot for ever. */
async function leftOver(session: Session, steps: readonly Step[]): Promise<Failure | undefined> {
  const changes: string[] = [];
  const outcome = await session.run(compile(forRoll(steps), { mode: "check", diff: false }), "after the reboot", (e) => {
    if (e.type === "task_end") changes.push(...e.changes.map((c) => c.current), ...(e.failure ? [e.failure.what] : []));
  });
  if (outcome.ok && outcome.drifted.length === 0) return undefined;
  return {
    what: `the host has rebooted, but still: ${changes.join("; ") || "its state could not be read"}`,
    next: "look which boot entry it took (another default, another boot loader?), then run again",
  };
}
