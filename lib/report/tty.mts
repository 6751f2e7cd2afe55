import { frame } from "./frame.mts";
import { Lines, type LinesOptions } from "./lines.mts";
import type { Out, Reporter } from "./reporter.mts";
import { Tally } from "./tally.mts";
import { width } from "./text.mts";

/** ms between frames: 12 per second, calm to look at and cheap */
const FRAME_MS = 80;
const HIDE = "\x1b[?25l";
const SHOW = "\x1b[?25h";
/** Synchronized output: terminals that know it show a frame whole, the others ignore it. */
const [BEGIN, COMMIT] = ["\x1b[?2026h", "\x1b[?2026l"];
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export type TtyOptions = Omit<LinesOptions, "columns" | "live"> & { stdout: Out; now?: () => number };

/**
 * The live display: a row per lane, redrawn in place, and above it the permanent lines scroll by. The cursor is hidden
 * meanwhile and comes back on `end`, on exit, on a crash, on signals and on Ctrl-Z.
 */
export function tty({ stdout, now = Date.now, ...given }: TtyOptions): Reporter {
  const size = (): { columns: number; rows: number } => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 });
  const options: LinesOptions = { ...given, live: true, columns: () => size().columns };
  const tally = new Tally();
  const lines = new Lines(tally, options);
  let pending: string[] = [];
  let drawn: string[] = [];
  let timer: NodeJS.Timeout | undefined;
  let live = false;

  // After a resize the terminal has wrapped the old rows anew, so they may take more lines than were written.
  const erase = (): string => {
    const { columns } = size();
    const rows = drawn.reduce((n, line) => n + Math.max(1, Math.ceil(width(line) / columns)), 0);
    return rows > 0 ? `\r\x1b[${rows}A\x1b[J` : "\r";
  };
  const draw = (): void => {
    const above = [...pending, ...lines.due(now())];
    pending = [];
    const rows = frame(tally, size(), now(), options.style);
    const next = lines.blank ? rows : ["", ...rows];
    const scrolled = above.map((l) => `${l}\x1b[K\n`).join("");
    const head = above.length > 0 || resized ? erase() : drawn.length > 0 ? `\r\x1b[${drawn.length}A` : "";
    resized = false;
    stdout.write(`${BEGIN}${head}${scrolled}${next.map((l) => `${l}\x1b[K\n`).join("")}\x1b[J${COMMIT}`);
    drawn = next;
  };
  let resized = false;
  const onResize = (): void => {
    resized = true;
    draw();
  };

  const restore = (): void => {
    if (live) stdout.write(SHOW);
  };
  // With another listener the process lives on, and that one decides; alone, we must not keep the signal from ending it.
  const onSignal = (signal: NodeJS.Signals): void => {
    if (process.listenerCount(signal) > 1) return;
    restore();
    process.off(signal, onSignal);
    process.kill(process.pid, signal);
  };
  const onSuspend = (): void => {
    restore();
    // The shell writes below meanwhile: the next frame starts anew, under what it wrote.
    drawn = [];
    process.once("SIGCONT", () => void stdout.write(HIDE));
    process.kill(process.pid, "SIGSTOP");
  };

  const start = (): void => {
    live = true;
    stdout.write(HIDE);
    timer = setInterval(draw, FRAME_MS);
    timer.unref();
    stdout.on?.("resize", onResize);
    process.on("exit", restore);
    process.on("SIGTSTP", onSuspend);
    for (const signal of SIGNALS) process.on(signal, onSignal);
  };
  const stop = (): void => {
    live = false;
    clearInterval(timer);
    stdout.off?.("resize", onResize);
    process.off("exit", restore);
    process.off("SIGTSTP", onSuspend);
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };

  return {
    event(e) {
      tally.event(e);
      pending.push(...lines.of(e));
      if (e.type === "run_start" && !live) start();
    },
    end() {
      const last = [...pending, ...lines.end()];
      pending = [];
      stdout.write(`${live ? erase() : ""}${last.map((l) => `${l}\n`).join("")}${live ? SHOW : ""}`);
      stop();
    },
  };
}
