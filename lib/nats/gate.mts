import { connectSys, type NatsConnection } from "./connect.mts";
import { type Check, type Expectation, safetyChecks } from "./health.mts";
import { observe } from "./observe.mts";
import type { ClusterState } from "./state.mts";
import type { ClusterTarget, ConnectOptions } from "./target.mts";

/** Fits the `gate` event; the caller knows which gate of which lane it is. `ms` since the waiting began. */
export interface GateProgress {
  status: "waiting" | "passed" | "failed";
  ms: number;
  detail: string;
  missing: readonly Check[];
}

export interface GateOptions {
  /** how long the state must hold without a break, ms (default 2000): healthz alone can say ok too early (nats-server #4875) */
  settleMs?: number;
  /** when to give up, ms (default 120000) */
  timeoutMs?: number;
  /** between two looks, ms (default 400) */
  pollMs?: number;
  connect?: ConnectOptions;
  /** told whenever what is missing changes, and at the end */
  emit?: (progress: GateProgress) => void;
  signal?: AbortSignal;
}

/** The cluster didn't get safe in time. `missing` are the checks that still failed. */
export class GateError extends Error {
  readonly missing: readonly Check[];
  constructor(ms: number, missing: readonly Check[]) {
    super([`the cluster isn't safe to touch after ${seconds(ms)}`, ...missing.map((c) => `  ${describe(c)}. ${c.next ?? ""}`)].join("\n"));
    this.name = "GateError";
    this.missing = missing;
  }
}

/**
 * Waits until every safety check (lib/nats/health.mts) holds through the settle time: any one node may be stopped then. Works right
 * after the first bootstrap, while the meta group forms, and for a single server.
 * @returns the last state seen
 * @throws GateError with what is still missing; the signal's reason when aborted
 */
export async function waitUntilSafe(target: ClusterTarget, expected: Expectation = {}, options: GateOptions = {}): Promise<ClusterState> {
  const { settleMs = 2000, timeoutMs = 120_000, pollMs = 400, connect = {}, emit = () => {}, signal } = options;
  const started = Date.now();
  let safeSince: number | undefined;
  let told: string | undefined;
  let connection: NatsConnection | undefined;
  const progress = (status: GateProgress["status"], detail: string, missing: readonly Check[]) => {
    if (status === "waiting" && told === detail) return;
    told = detail;
    emit({ status, ms: Date.now() - started, detail, missing });
  };
  try {
    for (;;) {
      signal?.throwIfAborted();
      connection ??= await connectSys(target, connect).catch(() => undefined);
      const state = await observe(target, { ...connect, connection });
      const missing = safetyChecks(state, expected).filter((c) => c.status === "failed");
      const now = Date.now();
      safeSince = missing.length === 0 ? (safeSince ?? state.at) : undefined;
      if (safeSince !== undefined && state.at - safeSince >= settleMs) {
        progress("passed", `safe for ${seconds(state.at - safeSince)}`, []);
        return state;
      }
      if (now - started >= timeoutMs) {
        progress("failed", summary(missing), missing);
        throw new GateError(now - started, missing);
      }
      progress("waiting", missing.length > 0 ? summary(missing) : `safe, settling for ${seconds(settleMs)}`, missing);
      // The node behind the connection may be the one that went: choose anew rather than wait for its return.
      if (missing.length > 0) {
        await connection?.close();
        connection = undefined;
      }
      await pause(Math.min(pollMs, started + timeoutMs - now), signal);
    }
  } finally {
    await connection?.close();
  }
}

const describe = (c: Check) => `${c.title}${c.asset ? `, ${c.asset}` : ""}: ${c.detail}`;
const summary = (missing: readonly Check[]) => `${missing.slice(0, 3).map(describe).join("; ")}${missing.length > 3 ? `; and ${missing.length - 3} more` : ""}`;
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, Math.max(0, ms));
    signal?.addEventListener("abort", done);
  });
}
