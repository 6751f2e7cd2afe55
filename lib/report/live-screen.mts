import type { Out } from "./reporter.mts";

/** The alternate screen without a cursor: what was on the terminal comes back at the end. */
const ENTER = "\x1b[?1049h\x1b[?25l",
  LEAVE = "\x1b[?25h\x1b[?1049l";
/** Synchronized output: terminals that know it show a frame whole, the others ignore it. */
const BEGIN = "\x1b[?2026h",
  COMMIT = "\x1b[?2026l";
const CTRL_C = "\x03",
  CTRL_Z = "\x1a";

export interface LiveScreen {
  /** Draws over what was there; each line has to be narrower than the terminal. */
  draw(lines: readonly string[]): void;
  size(): { columns: number; rows: number };
  /** Gives the terminal back; twice is fine. */
  leave(): void;
}

interface Keys {
  isTTY?: boolean;
  setRawMode?(on: boolean): unknown;
  resume(): unknown;
  pause(): unknown;
  on(event: "data", listener: (chunk: Buffer) => void): unknown;
  off(event: "data", listener: (chunk: Buffer) => void): unknown;
}

/**
 * A whole terminal to draw on, redrawn in place. `onQuit` is called by q, Ctrl-C and the signals that end a process, `onResize` when
 * lines have another width. Ctrl-Z works; the terminal is given back on every way out of the process.
 */
export function liveScreen(stdout: Out, stdin: Keys, { onQuit, onResize }: { onQuit: () => void; onResize: () => void }): LiveScreen {
  let on = false;
  const enter = (): void => {
    on = true;
    if (stdin.isTTY) stdin.setRawMode?.(true);
    stdout.write(ENTER);
  };
  const giveBack = (): void => {
    if (!on) return;
    on = false;
    if (stdin.isTTY) stdin.setRawMode?.(false);
    stdout.write(LEAVE);
  };
  const suspend = (): void => {
    giveBack();
    process.once("SIGCONT", () => {
      enter();
      onResize();
    });
    process.kill(process.pid, "SIGSTOP");
  };
  const onKey = (chunk: Buffer): void => {
    for (const key of chunk.toString("latin1")) {
      if (key === "q" || key === "Q" || key === CTRL_C) onQuit();
      if (key === CTRL_Z) suspend();
    }
  };
  enter();
  if (stdin.isTTY) {
    stdin.on("data", onKey);
    stdin.resume();
  }
  stdout.on?.("resize", onResize);
  process.on("exit", giveBack).on("SIGTSTP", suspend);
  return {
    draw: (lines) => {
      if (on) stdout.write(`${BEGIN}\x1b[H${lines.map((l) => `${l}\x1b[K`).join("\r\n")}\x1b[J${COMMIT}`);
    },
    size: () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 }),
    leave() {
      giveBack();
      if (stdin.isTTY) {
        stdin.off("data", onKey);
        stdin.pause();
      }
      stdout.off?.("resize", onResize);
      process.off("exit", giveBack).off("SIGTSTP", suspend);
    },
  };
}
