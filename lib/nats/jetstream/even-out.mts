import { setTimeout as sleep } from "node:timers/promises";
import { connectApp } from "../connect.mts";
import { JetStreamApiError } from "../errors.mts";
import { observe } from "../observe.mts";
import { atLeast } from "../roll.mts";
import type { ClusterState } from "../state.mts";
import type { ClusterTarget, ConnectOptions } from "../target.mts";
import { request } from "./api.mts";
import { assetOf, type StepDown } from "./spread.mts";

/** How long an election may take, ms. */
const ELECTION_MS = 10_000;
/** Step-downs of one stream or consumer at most. Before 2.11 whoever is elected leads, so it may take several until it is the right one. */
const TRIES = { told: 2, elected: 6 };

export interface EvenOutOptions {
  connect: ConnectOptions;
  next: (state: ClusterState, stay: ReadonlySet<string>) => StepDown | undefined;
  say: (text: string) => void;
  signal: AbortSignal;
}

/** Steps leaders down one after another as `next` says, until it has nothing more or what it says doesn't help. @throws the signal's reason */
export async function evenOut(target: ClusterTarget, { connect, next, say, signal }: EvenOutOptions): Promise<void> {
  const app = await connectApp(target, connect);
  const tries = new Map<string, number>();
  try {
    for (;;) {
      signal.throwIfAborted();
      const state = await observe(target, connect);
      const able = state.servers.every((s) => atLeast(s.version, 2, 11));
      const stay = new Set([...tries].filter(([, n]) => n >= (able ? TRIES.told : TRIES.elected)).map(([asset]) => asset));
      const move = next(state, stay);
      if (!move) return;
      const asset = move.consumer === undefined ? move.stream : `${move.stream} > ${move.consumer}`;
      tries.set(assetOf(move), (tries.get(assetOf(move)) ?? 0) + 1);
      say(`${asset}: ${move.from} → ${move.to}`);
      const subject = move.consumer === undefined ? `STREAM.LEADER.STEPDOWN.${move.stream}` : `CONSUMER.LEADER.STEPDOWN.${move.stream}.${move.consumer}`;
      await request(app, asset, subject, able ? { placement: { preferred: move.to } } : {}).catch((error: unknown) => {
        // It may have moved since we looked.
        if (!(error instanceof JetStreamApiError)) throw error;
        say(error.message);
      });
      for (const until = Date.now() + ELECTION_MS; Date.now() < until; await sleep(200, undefined, { signal })) {
        const leader = leaderOf(await observe(target, connect), move);
        if (leader && leader !== move.from) break;
      }
    }
  } finally {
    await app.close();
  }
}

function leaderOf(state: ClusterState, { account, stream, consumer }: StepDown): string | undefined {
  const found = state.streams.find((s) => s.account === account && s.name === stream);
  return consumer === undefined ? found?.leader : found?.consumers.find((c) => c.name === consumer)?.leader;
}
