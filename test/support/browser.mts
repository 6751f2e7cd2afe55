import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

/** Why no page can be opened here, for `t.test(…, { skip })`. */
export const skip: string | false = spawnSync("chromium", ["--version"], { stdio: "ignore" }).status === 0 ? false : "needs chromium (test/setup.sh)";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--remote-debugging-pipe",
];

interface Message {
  id?: number;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { message: string };
}

/** A Chromium of its own, talked to through a pipe (DevTools protocol): no port, no network. */
export class Browser {
  readonly #profile = mkdtempSync(join(tmpdir(), "sampan-browser-"));
  readonly #process: ChildProcess;
  readonly #answers = new Map<number, { resolve: (m: Record<string, unknown>) => void; reject: (e: Error) => void }>();
  readonly #told = new Set<(m: Message) => void>();
  readonly #onExit = (): void => void this.#process.kill("SIGKILL");
  #session: string | undefined;
  #id = 0;

  private constructor() {
    this.#process = spawn("chromium", [...FLAGS, `--user-data-dir=${this.#profile}`, "about:blank"], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    process.on("exit", this.#onExit);
    let rest = "";
    (this.#process.stdio[4] as Readable).setEncoding("utf8").on("data", (text: string) => {
      const whole = (rest + text).split("\0");
      rest = whole.pop()!;
      for (const m of whole) this.#take(JSON.parse(m) as Message);
    });
    this.#process.on("exit", () => {
      for (const { reject } of this.#answers.values()) reject(new Error("chromium has ended"));
      this.#answers.clear();
    });
  }

  static async start(): Promise<Browser> {
    const browser = new Browser();
    try {
      const { targetId } = await browser.ask("Target.createTarget", { url: "about:blank" });
      const { sessionId } = await browser.ask("Target.attachToTarget", { targetId, flatten: true });
      browser.#session = sessionId as string;
      for (const domain of ["Page", "Runtime", "Log", "Network"]) await browser.ask(`${domain}.enable`);
      return browser;
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  ask(method: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      this.#answers.set(id, { resolve, reject });
      (this.#process.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, sessionId: this.#session })}\0`);
    });
  }

  #take(m: Message): void {
    const waiting = m.id === undefined ? undefined : this.#answers.get(m.id);
    if (!waiting) return this.#told.forEach((listener) => listener(m));
    this.#answers.delete(m.id!);
    if (m.error) waiting.reject(new Error(m.error.message));
    else waiting.resolve(m.result ?? {});
  }

  /** Opens a file and tells what its page complained of and what it asked for. */
  async open(file: string, look: { dark?: boolean; width?: number } = {}): Promise<{ complaints: string[]; requests: string[] }> {
    const complaints: string[] = [],
      requests: string[] = [];
    await this.ask("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: look.dark ? "dark" : "light" }] });
    const phone = (look.width ?? 1200) < 600;
    await this.ask("Emulation.setDeviceMetricsOverride", { width: look.width ?? 1200, height: 900, deviceScaleFactor: phone ? 2 : 1, mobile: phone });
    let listener!: (m: Message) => void;
    const loaded = new Promise<void>((resolve) => {
      listener = ({ method, params = {} }) => {
        if (method === "Page.loadEventFired") resolve();
        if (method === "Network.requestWillBeSent") requests.push((params["request"] as { url: string }).url);
        if (method === "Runtime.exceptionThrown" || method === "Runtime.consoleAPICalled" || method === "Log.entryAdded")
          complaints.push(JSON.stringify(params));
      };
    });
    this.#told.add(listener);
    await this.ask("Page.navigate", { url: `file://${file}` });
    await loaded;
    // What a page does later it does in the frames to come.
    await this.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
    return { complaints, requests };
  }

  /** The value of an expression in the page. @throws what it throws there */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.ask("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value: T }).value;
  }

  async close(): Promise<void> {
    process.off("exit", this.#onExit);
    const ended = new Promise((resolve) =>
      this.#process.exitCode === null && this.#process.signalCode === null ? this.#process.once("exit", resolve) : resolve(undefined),
    );
    // Its own end takes its children along.
    this.#session = undefined;
    void this.ask("Browser.close").catch(() => {});
    const late = setTimeout(this.#onExit, 10_000);
    await ended;
    clearTimeout(late);
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
