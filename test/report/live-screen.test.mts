import { EventEmitter } from "node:events";
import t from "tap";
import { liveScreen } from "../../lib/report/live-screen.mts";

class Terminal {
  text = "";
  columns = 80;
  rows = 24;
  readonly isTTY = true;
  resize: (() => void) | undefined;
  write(text: string): void {
    this.text += text;
  }
  on(_event: "resize", listener: () => void): void {
    this.resize = listener;
  }
  off(): void {
    this.resize = undefined;
  }
}
class Keyboard extends EventEmitter {
  readonly isTTY = true;
  raw = false;
  flowing = false;
  setRawMode(on: boolean): void {
    this.raw = on;
  }
  resume(): void {
    this.flowing = true;
  }
  pause(): void {
    this.flowing = false;
  }
}

const opened = (): { terminal: Terminal; keys: Keyboard; calls: string[]; screen: ReturnType<typeof liveScreen> } => {
  const terminal = new Terminal(),
    keys = new Keyboard(),
    calls: string[] = [];
  return { terminal, keys, calls, screen: liveScreen(terminal, keys, { onQuit: () => calls.push("quit"), onResize: () => calls.push("resize") }) };
};

t.test("takes the alternate screen, draws in place, and gives the terminal back", async (t) => {
  const { terminal, keys, screen } = opened();
  t.equal(terminal.text, "\x1b[?1049h\x1b[?25l");
  t.ok(keys.raw);
  terminal.text = "";
  screen.draw(["one", "two"]);
  t.equal(terminal.text, "\x1b[?2026h\x1b[Hone\x1b[K\r\ntwo\x1b[K\x1b[J\x1b[?2026l", "nothing is cleared first: no flicker");
  terminal.text = "";
  screen.leave();
  screen.leave();
  t.equal(terminal.text, "\x1b[?25h\x1b[?1049l", "once");
  t.notOk(keys.raw || keys.flowing);
  screen.draw(["three"]);
  t.equal(terminal.text, "\x1b[?25h\x1b[?1049l", "nothing is drawn on a terminal that isn't ours");
  t.same([keys.listenerCount("data"), terminal.resize, process.listeners("exit").length > 20], [0, undefined, false]);
});

t.test("q, Q and Ctrl-C quit; other keys do nothing; a resize is told", async (t) => {
  const { terminal, keys, calls, screen } = opened();
  for (const key of ["q", "Q", "\x03", "x", "\r", "\x1b[A"]) keys.emit("data", Buffer.from(key));
  terminal.resize!();
  t.same(calls, ["quit", "quit", "quit", "resize"]);
  t.same(screen.size(), { columns: 80, rows: 24 });
  terminal.columns = 160;
  t.same(screen.size(), { columns: 160, rows: 24 });
  screen.leave();
});
