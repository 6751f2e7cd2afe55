import { readFileSync } from "node:fs";
import type { Host } from "../inventory/types.mts";
import { quote } from "../sh.mts";
import type { SshOptions } from "../ssh/argv.mts";
import { explain } from "../ssh/errors.mts";
import { Master } from "../ssh/master.mts";
import { type Program, preamble } from "./compile.mts";
import type { Emit, Failure } from "./events.mts";
import { type Facts, readFacts } from "./facts.mts";
import { hasEnded, lockText } from "./lock.mts";
import { type Frame, FrameReader } from "./protocol.mts";
import { type Outcome, StepEvents } from "./step-events.mts";

export interface SessionOptions extends SshOptions {
  /** marks this run's frames; unguessable, so that no output can pass for one */
  nonce: string;
  /** `user@host` of the operator and the playbook, for the lock's holder and the audit log */
  who: string;
  /** take the host's lock: everything but --check */
  lock: boolean;
  /** the folder whose disk the facts describe */
  storeDir: string;
  control: string;
}

/** Seconds until a host that connects but never becomes ready is given up. */
const READY_TIMEOUT = 30;

/** A connected host: its facts are known, and programs can be run on it one after another. */
export class Session {
  readonly host: Host;
  facts!: Facts;
  readonly #master: Master;
  readonly #reader: FrameReader;
  #onFrame: (frame: Frame) => void = () => {};
  #pid = 0;
  #closing = false;

  private constructor(host: Host, options: SessionOptions) {
    this.host = host;
    this.#reader = new FrameReader(options.nonce);
    this.#master = new Master(host.connection, options.control, options, (chunk) => {
      for (const frame of this.#reader.push(chunk)) this.#onFrame(frame);
    });
  }

  /** Connects and learns the facts, in one exchange. @throws SessionError when the host can't be used */
  static async open(host: Host, options: SessionOptions): Promise<Session> {
    try {
      return await Session.#open(host, options);
    } catch (error) {
      if (!(error instanceof SessionError) || error.holder === undefined || !hasEnded(error.holder)) throw error;
      return Session.#open(host, { ...options, control: `${options.control}+` }, error.holder);
    }
  }

  static async #open(host: Host, options: SessionOptions, ended?: string): Promise<Session> {
    const session = new Session(host, options);
    const holder = `${options.who} since ${new Date().toISOString()}`;
    const facts = readFileSync(new URL("facts.sh", import.meta.url), "utf8").replace(/^\s*#.*\n/gm, "");
    const lock = options.lock ? lockText(holder, ended) : "";
    const collected: Record<string, string> = {};
    const ready = session.#until((frame, done, fail) => {
      if (frame.kind === "f") collected[frame.fields[0]!] = frame.fields[1]!;
      if (frame.kind === "lacks") fail(new SessionError(lacking(host, frame.fields)));
      if (frame.kind === "locked") fail(locked(host, frame.fields));
      if (frame.kind === "ready") done();
    }, READY_TIMEOUT);
    session.#master.send(`${preamble(options.nonce, options.who)}\n${facts}\nsp_needs\n${lock}SP_STORE_DIR=${quote(options.storeDir)}\nsp_facts\n`);
    try {
      await ready;
      session.facts = readFacts(collected);
      session.#pid = Number(collected["pid"]);
      if (session.facts.uid !== 0) throw new SessionError(notRoot(host));
    } catch (error) {
      session.kill();
      throw error;
    }
    return session;
  }

  /** Runs one program and reports its steps as events. Resolves also when a step fails; the outcome says so. */
  async run(program: Program, phase: string, emit: Emit): Promise<Outcome> {
    const steps = new StepEvents(program, this.host.name, phase, emit);
    let watchdog: NodeJS.Timeout | undefined;
    let giveUp!: (error: SessionError) => void;
    const hung = new Promise<never>((_, reject) => {
      giveUp = reject;
    });
    // from the start: what a program looks at before its first step may hang too
    const watch = (): void => {
      clearTimeout(watchdog);
      const limit = steps.timeout;
      watchdog = setTimeout(() => {
        this.#onFrame = () => {};
        giveUp(new SessionError(steps.hung(limit)));
        this.#interrupt("KILL");
      }, limit * 1000);
    };
    const finished = this.#until((frame, done, fail) => {
      if (frame.kind === "end") return done();
      if (frame.kind === "w") void this.#push(program, frame.fields[0]!, frame.fields[1]!).catch(fail);
      steps.frame(frame);
      watch();
    });
    this.#master.send(program.text);
    watch();
    try {
      await Promise.race([finished, hung]);
    } catch (error) {
      if (!(error instanceof SessionError)) throw error;
      steps.lost(error.failure);
    } finally {
      clearTimeout(watchdog);
    }
    return steps.outcome;
  }

  /** Lets the step in hand finish; later steps don't run. */
  stop(): void {
    this.#interrupt("USR1");
  }

  /** `host:port` as seen from the host → local port. */
  forward(to: string): Promise<number> {
    return this.#master.forward(to);
  }

  /** Starts a command beside the programs, as root, to be talked to on its stdin and stdout. */
  start(command: string): ReturnType<Master["start"]> {
    return this.#master.start(command);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#master.close();
  }

  kill(): void {
    this.#closing = true;
    this.#master.kill();
  }

  /** Signals the host's shell. KILL takes all that the step has started with it: its descendants, and its process group. */
  #interrupt(signal: "USR1" | "KILL"): void {
    const pid = this.#pid;
    // Each is stopped before its children are looked for, so that none is born meanwhile; but not the shell: sudo would stop with it.
    void this.#master.channel(
      signal === "USR1"
        ? `kill -USR1 ${pid}`
        : `
      children() { grep -ls "^PPid:[[:space:]]*$1$" /proc/[0-9]*/status | tr -dc '0-9\n'; }
      end() { kill -STOP "$1"; for p in $(children "$1"); do end "$p"; done; kill -KILL "$1"; }
      read -r p p p p group p </proc/${pid}/stat
      step=$(children ${pid}); kill -KILL ${pid}; for p in $step; do end "$p"; done; kill -KILL -- "-$group"`,
    );
  }

  async #push(program: Program, sha256: string, path: string): Promise<void> {
    const payload = program.payloads.get(sha256);
    if (!payload) throw new Error(`the host asks for ${sha256}, which no step offers`);
    const to = quote(path);
    const { exit, stderr } = await this.#master.channel(
      `umask 077; cat >${to} && [ "$(wc -c <${to})" -eq ${payload.size} ] && : >${to}.whole || { rm -f ${to}; exit 1; }`,
      payload.path,
    );
    if (exit !== 0 && !this.#closing) {
      throw new SessionError({
        what: `couldn't push ${payload.path} to ${path}`,
        output: stderr,
        exit: exit ?? undefined,
        next: "check the free space on the host, then run again",
      });
    }
  }

  /** Handles frames until `done` or `fail` is called, the connection ends, or `seconds` have passed. */
  #until(onFrame: (f: Frame, done: () => void, fail: (e: Error) => void) => void, seconds?: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer =
        seconds === undefined
          ? undefined
          : setTimeout(
              () =>
                reject(
                  new SessionError({
                    what: `${this.host.connection.address} took the login but no shell answered within ${seconds} s`,
                    output: this.#reader.noise.trim(),
                    next: `try by hand: ssh ${this.host.connection.address} sh -c true`,
                  }),
                ),
              seconds * 1000,
            );
      let settled = false;
      const settle =
        <A extends unknown[]>(how: (...a: A) => void) =>
        (...a: A): void => {
          settled = true;
          clearTimeout(timer);
          this.#onFrame = () => {};
          how(...a);
        };
      const done = settle(resolve as () => void);
      const fail = settle(reject);
      this.#onFrame = (frame) => onFrame(frame, done, fail);
      void this.#master.ended.then(({ exit, stderr }) => {
        if (!settled) fail(new SessionError(explain(this.host.connection, stderr || (this.#pid ? "" : this.#reader.noise), exit)));
      });
    });
  }
}

/** A host that can't be used, or was lost. */
export class SessionError extends Error {
  readonly failure: Failure;
  /** origin (lock.mts) of the run that holds the host's lock, when that is the reason */
  readonly holder: string | undefined;
  constructor(failure: Failure, holder?: string) {
    super(failure.what);
    this.failure = failure;
    this.holder = holder;
  }
}

function locked(host: Host, [holder = "", why, origin]: string[]): SessionError {
  return why === "busy"
    ? new SessionError(
        {
          what: `${host.name} is being worked on by ${holder || "someone else"}`,
          next: "wait for that run to end, or stop it; then run again. If its machine is gone for good, run on the host: kill -9 $(cut -d' ' -f1 /run/sampan/shell)",
        },
        origin,
      )
    : new SessionError({ what: holder, next: "check that /run is a writable file system on the host" });
}

function lacking({ name }: Host, [init, tools = ""]: string[]): Failure {
  return init === "systemd"
    ? {
        what: `${name} has no ${tools}: sampan works with the usual tools of a Linux system`,
        next: "install the host's packages of these (on Debian: coreutils, util-linux, grep, sed), then run again; nothing was changed",
      }
    : { what: `${name} doesn't run systemd, to which sampan hands the services`, next: "take a host that was booted with systemd; nothing was changed" };
}

function notRoot(host: Host): Failure {
  const { user, become } = host.connection;
  return become
    ? { what: `sudo on ${host.name} doesn't lead to root`, next: "let the user run everything as root in sudoers" }
    : { what: `the login on ${host.name}${user ? ` (${user})` : ""} is not root`, next: "set `become: true` (sudo) or `ssh: { user: root }` in the inventory" };
}
