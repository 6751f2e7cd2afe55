import type { Expectation } from "../../lib/nats/health.mts";
import type { ClusterState } from "../../lib/nats/state.mts";
import { type Status, statusOf } from "../../lib/nats/status/status.mts";
import { liveScreen } from "../../lib/report/live-screen.mts";
import { type Style, style, wantsColour, wantsUnicode } from "../../lib/report/style.mts";
import { truncate } from "../../lib/report/text.mts";
import type { Looks } from "./looks.mts";
import { type Room, screen } from "./screen.mts";

/** What isn't a terminal gets lines for reading, and not all streams of a large cluster. */
const PAGE: Room = { columns: 120, rows: 60 };

interface How {
  json: boolean;
  all: boolean;
}

const terminal = (): boolean => process.stdout.isTTY === true && process.env["TERM"] !== "dumb";
const looks = (): Style => style({ colour: wantsColour(process.env, process.stdout.isTTY === true), unicode: wantsUnicode(process.env) });

/** Once, where the output is now. */
export function show(status: Status, { json, all }: How): void {
  if (json) return void process.stdout.write(`${JSON.stringify(status)}\n`);
  const { columns, rows } = terminal() ? { columns: (process.stdout.columns || 80) - 1, rows: Math.max(24, (process.stdout.rows || 24) - 1) } : PAGE;
  process.stdout.write(`${screen(status, { columns, rows: all ? Infinity : rows }, looks()).join("\n")}\n`);
}

/** Again and again until q, Ctrl-C or a signal: on a terminal in place, else one below the other. @returns the exit status */
export async function watch(source: Looks, expected: Expectation, { intervalMs, ...how }: How & { intervalMs: number }): Promise<number> {
  const stop = new AbortController();
  const live = terminal() && !how.json ? liveScreen(process.stdout, process.stdin, { onQuit: () => stop.abort(), onResize: () => draw() }) : undefined;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => stop.abort());
  process.stdout.on("error", () => stop.abort()); // whoever reads us is gone
  let status: Status | undefined;
  let tookMs = 0;
  const draw = (): void => {
    if (!live) return;
    const { columns, rows } = live.size();
    const dim = (text: string): string => looks().ink("dim", truncate(text, columns - 1));
    if (!status) return live.draw([dim("looking …")]);
    const foot = dim(`q quits ${looks().symbols.dot} every ${intervalMs / 1000} s ${looks().symbols.dot} a look takes ${Math.round(tookMs)} ms`);
    const lines = screen(status, { columns: columns - 1, rows: rows - 2 }, looks());
    live.draw([...lines, ...Array.from({ length: Math.max(0, rows - 1 - lines.length) }, () => ""), foot]);
  };
  try {
    draw();
    for (let before: ClusterState | undefined; !stop.signal.aborted; ) {
      const since = performance.now();
      const state = await abortable(source.look(), stop.signal);
      if (!state) break;
      tookMs = performance.now() - since;
      status = statusOf(state, { before, expected });
      before = state;
      if (live) draw();
      else {
        show(status, how);
        if (!how.json) process.stdout.write("\n");
      }
      // The first rates come soon; then the interval counts from look to look.
      await abortable(
        new Promise((resolve) => setTimeout(resolve, Math.max(100, (status!.ratesOverMs === null ? Math.min(1000, intervalMs) : intervalMs) - tookMs))),
        stop.signal,
      );
    }
    return 0;
  } finally {
    live?.leave();
  }
}

/** undefined as soon as the signal says so. */
function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const end = (): void => resolve(undefined);
    if (signal.aborted) return end();
    signal.addEventListener("abort", end, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", end));
  });
}
