import { randomBytes } from "node:crypto";
import { hostname, userInfo } from "node:os";
import type { Emit } from "../engine/events.mts";
import { ORIGIN } from "../engine/lock.mts";
import { Session, SessionError, type SessionOptions } from "../engine/session.mts";
import type { Host } from "../inventory/types.mts";
import { ControlFolder } from "../ssh/master.mts";
import { clockWarning } from "./clock.mts";

export interface ConnectionsOptions {
  acceptNewHostKeys: boolean;
  lock: boolean;
  playbook: string;
  storeDir: (host: Host) => string;
}

/** The sessions of a run: one per host, opened when first needed, closed at the end. */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #emit: Emit;
  readonly #nonce = `sampan-${randomBytes(9).toString("base64url")}`;
  readonly #sessions = new Map<string, Promise<Session | undefined>>();
  readonly #open = new Set<Session>();
  readonly unreachable = new Set<string>();
  #folder: ControlFolder | undefined;

  constructor(options: ConnectionsOptions, emit: Emit) {
    this.#options = options;
    this.#emit = emit;
  }

  /** The host's session, or undefined when it can't be reached (which is reported once). */
  to(host: Host): Promise<Session | undefined> {
    let session = this.#sessions.get(host.name);
    if (!session) this.#sessions.set(host.name, (session = this.#connect(host)));
    return session;
  }

  /** Opens a new session in place of one that ended, e.g. by a reboot. @throws SessionError */
  async again(host: Host): Promise<Session> {
    this.forget(host);
    const session = await Session.open(host, this.#sessionOptions(host));
    this.#open.add(session);
    this.#sessions.set(host.name, Promise.resolve(session));
    return session;
  }

  forget(host: Host): void {
    void this.#sessions.get(host.name)?.then((s) => {
      if (s) {
        s.kill();
        this.#open.delete(s);
      }
    });
    this.#sessions.delete(host.name);
  }

  /** Asks every host to stop at its next step boundary. */
  stop(): void {
    for (const s of this.#open) s.stop();
  }

  kill(): void {
    for (const s of this.#open) s.kill();
    this.#folder?.remove();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((s) => s.close()));
    this.#folder?.remove();
  }

  async #connect(host: Host): Promise<Session | undefined> {
    const since = performance.now();
    try {
      const session = await this.#session(host);
      this.#open.add(session);
      const { os, osVersion, kernel, arch, cpus, memoryBytes, container } = session.facts;
      this.#emit({
        type: "host_connected",
        lane: host.name,
        ms: performance.now() - since,
        facts: { os, osVersion, kernel, arch, cpus: cpus.length, memoryBytes, container },
      });
      const clock = clockWarning(host.name, session.facts.clockSkew);
      if (clock) this.#emit({ type: "warning", text: clock });
      return session;
    } catch (error) {
      if (!(error instanceof SessionError)) throw error;
      this.unreachable.add(host.name);
      this.#emit({ type: "host_unreachable", lane: host.name, failure: error.failure });
      return undefined;
    }
  }

  /** A lock that is our own: two hosts are one machine, which is seen by the facts, and told by whoever compares them. */
  async #session(host: Host): Promise<Session> {
    try {
      return await Session.open(host, this.#sessionOptions(host));
    } catch (error) {
      if (!(error instanceof SessionError) || !ORIGIN || error.holder !== ORIGIN || this.#sessions.size < 2) throw error;
      return Session.open(host, { ...this.#sessionOptions(host), lock: false });
    }
  }

  #sessionOptions(host: Host): SessionOptions {
    this.#folder ??= new ControlFolder();
    const { acceptNewHostKeys, lock, playbook, storeDir } = this.#options;
    return {
      nonce: this.#nonce,
      control: this.#folder.socket(),
      acceptNewHostKeys,
      lock,
      storeDir: storeDir(host),
      who: `${userInfo().username}@${hostname()}/${process.pid} ${playbook}`,
    };
  }
}
