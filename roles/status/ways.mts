import { setTimeout as sleep } from "node:timers/promises";
import type { Session } from "../../lib/engine/session.mts";
import type { Host } from "../../lib/inventory/types.mts";

/** Once a node has been reached, others are waited for so long, ms: a login since its start, and after the first node was there. */
const LOGIN_MS = 1000,
  BESIDE_MS = 1000;
/** Without any node, ms: as long as OpenSSH itself tries. */
const ALONE_MS = 15_000;
/** Between two attempts to log in to a host that doesn't let us, or whose session has died, ms. */
const RETRY_MS = 15_000;

interface Opener {
  to(host: Host): Promise<Session | undefined>;
  forget(host: Host): void;
}

/** The ways through SSH of a screen that stays open: hosts go and come back, and none of them may hold up the others' picture. */
export class Ways {
  readonly #opener: Opener;
  readonly #attempts = new Map<string, { since: number; session: Promise<Session | undefined>; over: boolean }>();
  #onReached!: (at: number) => void;
  readonly #reached = new Promise<number>((resolve) => {
    this.#onReached = resolve;
  });

  constructor(opener: Opener) {
    this.#opener = opener;
  }

  /** A node has answered: from now on the others don't have to. */
  reached(): void {
    this.#onReached(Date.now());
  }

  /** The host's session; undefined when there is none, or none yet: a later look may have it. */
  async to(host: Host): Promise<Session | undefined> {
    const attempt = this.#attempts.get(host.name) ?? this.#start(host);
    const stop = new AbortController();
    const after = (ms: number): Promise<undefined> => sleep(Math.max(0, ms), undefined, { signal: stop.signal }).catch(() => undefined);
    const session = await Promise.race([
      attempt.session,
      this.#reached.then((at) => after(Math.max(attempt.since + LOGIN_MS, at + BESIDE_MS) - Date.now())),
      after(ALONE_MS),
    ]);
    stop.abort();
    if (session) this.reached();
    return session;
  }

  /** What leads to this host doesn't: logs in anew at the next look, but not at every one. */
  broken(host: Host): void {
    const attempt = this.#attempts.get(host.name);
    if (!attempt?.over || Date.now() - attempt.since < RETRY_MS) return;
    this.#attempts.delete(host.name);
    this.#opener.forget(host);
  }

  #start(host: Host) {
    const attempt = { since: Date.now(), over: false, session: this.#opener.to(host).catch(() => undefined) };
    void attempt.session.then(() => {
      attempt.over = true;
    });
    this.#attempts.set(host.name, attempt);
    return attempt;
  }
}
