import { missingWithout } from "../../lib/nats/agree.mts";
import { waitUntilSafe } from "../../lib/nats/gate.mts";
import { type Expectation, safetyChecks } from "../../lib/nats/health.mts";
import { pause } from "../../lib/nats/load/clock.mts";
import type { SteadyAccount } from "../../lib/nats/load/steady-account.mts";
import { observe } from "../../lib/nats/observe.mts";
import type { ClusterState } from "../../lib/nats/state.mts";
import type { ClusterTarget, ConnectOptions } from "../../lib/nats/target.mts";
import { drillHealed } from "../../lib/resources/drill.mts";
import type { Fault } from "./faults.mts";
import { type Hands, onEach } from "./hands.mts";

export interface Stage {
  target: ClusterTarget;
  connect: ConnectOptions;
  hands: Hands;
  /** streams, of all accounts, that no server holds which answers, each as `stream S` */
  unheld: () => Promise<string[]>;
  signal: AbortSignal;
  /** of the load: messages per second, and replicas of its stream (default 3) */
  rate: number;
  replicas?: number;
  /** how long a fault lasts that doesn't end by itself */
  holdMs: number;
  /** how long the cluster must be safe before a fault counts as over */
  settleMs: number;
  /** what happens now, for a human */
  progress: (text: string) => void;
}

/** What one fault did. */
export interface Rehearsal {
  /** servers that were hit */
  hit: readonly string[];
  account: SteadyAccount;
  /** from the fault, or its end where it lasts, until every replica of everything was current again, ms */
  redundantMs?: number;
  /** why it didn't get so far */
  error?: unknown;
}

/** The load runs this long before the fault, and after all is well again. */
const LEAD_MS = 2000;
/** A fault that changes nothing that the cluster shows is none: within this time, or its own, it must have. */
const EFFECT_MS = 20_000;
const AGREE_MS = 120_000;
/** A stream that nobody holds for so long isn't on its way: it is on the server that is down alone. */
const ALONE_MS = 10_000;
/** What a host allows beyond that before it heals by itself: a slow controller is not a dead one. */
const GRACE_MS = 30_000;
const SAFE_MS = 5 * 60_000;
/** Gigabytes may have to be copied. */
const REFILLED_MS = 60 * 60_000;
const POLL_MS = 300;

/**
 * One fault under load, from a whole cluster to a whole cluster. Whatever happens in between, the fault is undone and the load ends.
 * @param able servers on which it can be made
 * @throws NatsConnectError, JetStreamApiError when the load can't begin; then nothing was broken
 */
export async function rehearse(fault: Fault, able: readonly string[], stage: Stage): Promise<Rehearsal> {
  const { target, connect, signal, progress, rate, replicas } = stage;
  const { steadyLoad } = await import("../../lib/nats/load/steady.mts");
  progress("the load begins");
  const load = await steadyLoad(target, { rate, replicas, connect, signal });
  let hit: readonly string[] = [],
    redundantMs: number | undefined,
    error: unknown;
  try {
    await pause(LEAD_MS, signal);
    const state = await observe(target, connect);
    // Asked before the load began too; somebody may have made a stream since.
    const harmed = state.streams.filter((s) => s.name !== load.stream && fault.destroys(s));
    const spared = (name: string): boolean => able.includes(name) && !harmed.some((s) => s.copies.some((c) => c.server === name));
    const victims = fault.victims(state, load.stream).filter(spared);
    if (!fault.every) hit = victims.slice(0, 1);
    else if (able.every(spared)) hit = victims;
    if (!hit.length && harmed.length)
      throw new Error(`it would destroy ${harmed.map((s) => s.name).join(", ")}, made a moment ago (too few replicas, or in memory), so nothing was hit`);
    if (!hit.length) throw new Error(`there is no server at this moment that is ${fault.who} and can be hit; run again`);
    load.mark(fault.name);
    redundantMs = await strike(fault, hit, state, stage);
    await pause(LEAD_MS, signal);
  } catch (thrown) {
    error = thrown;
  }
  progress("the load ends, and each message is accounted for");
  return { hit, account: await load.stop(), redundantMs, error };
}

/** @returns redundantMs */
async function strike(
  fault: Fault,
  hit: readonly string[],
  before: ClusterState,
  { target, connect, hands, unheld, signal, holdMs, settleMs, progress }: Stage,
): Promise<number> {
  const undo = (): Promise<unknown> => onEach(hands, hit, ({ store }) => drillHealed(store), "apply");
  const look = { target, connect, unheld, signal };
  const deadline = Math.ceil((holdMs + GRACE_MS + (fault.then ? AGREE_MS : 0)) / 1000);
  let since = Date.now();
  try {
    progress(`${hit.join(", ")}: ${fault.does}`);
    await onEach(hands, hit, (place) => fault.make(fault.name, place, deadline), "apply");
    if (fault.then) {
      progress(`waiting until the others hold everything without ${hit[0]}`);
      await othersAgree(hit[0]!, look);
      await hands.on(hit[0]!, fault.then, "apply");
    }
    if (fault.lasts) {
      await shows(hit[0]!, Math.max(holdMs, EFFECT_MS), look);
      await pause(Math.max(0, since + holdMs - Date.now()), signal);
      progress(fault.back);
      await undo();
      since = Date.now();
    }
    let whole = 0;
    const expected: Expectation = fault.lasts ? {} : { startedAfter: startsOf(before, hit) };
    await waitUntilSafe(target, expected, {
      connect,
      signal,
      settleMs,
      timeoutMs: fault.then ? REFILLED_MS : SAFE_MS,
      emit: ({ status, missing }) => {
        if (status !== "waiting") return;
        whole = missing.length ? 0 : Date.now();
        progress(missing[0] ? `waiting: ${missing[0].title}${missing[0].asset ? `, ${missing[0].asset}` : ""}` : "whole again, if it lasts");
      },
    });
    return whole - since;
  } finally {
    await undo();
  }
}

type Look = Pick<Stage, "target" | "connect" | "unheld" | "signal">;

const startsOf = (state: ClusterState, names: readonly string[]): Record<string, number> =>
  Object.fromEntries(state.servers.filter((s) => names.includes(s.name)).map((s) => [s.name, s.start]));

/** Waits until the cluster shows, twice in a row, that something is wrong with the server. */
async function shows(name: string, ms: number, { target, connect, signal }: Look): Promise<void> {
  for (let until = Date.now() + ms, seen = 0; ; await pause(POLL_MS, signal)) {
    const wrong = safetyChecks(await observe(target, connect)).filter((c) => c.status === "failed" && `${c.asset} ${c.detail}`.includes(name));
    seen = wrong.length ? seen + 1 : 0;
    if (seen === 2) return;
    if (Date.now() > until) throw new Error(`the fault was made, but after ${ms / 1000} s the cluster shows no sign of it on ${name}, so it proves nothing`);
  }
}

/** Nothing is left that only the server has, which is down: neither what the others' streams lack, nor a stream that they have no copy of. */
async function othersAgree(name: string, { target, connect, unheld, signal }: Look): Promise<void> {
  let alone: number | undefined;
  for (const until = Date.now() + AGREE_MS; ; await pause(POLL_MS, signal)) {
    const missing = missingWithout(await observe(target, connect), name);
    if (!missing.length) {
      const only = await unheld().catch((error: Error) => [error.message]);
      if (!only.length) return;
      missing.push(`${only.join(", ")}: no copy on the others`);
      alone ??= Date.now();
    } else alone = undefined;
    if (Date.now() > until || (alone !== undefined && Date.now() - alone > ALONE_MS))
      throw new Error(`without ${name} the others don't hold everything, so it was started with the store it had: ${missing[0]}`);
  }
}
