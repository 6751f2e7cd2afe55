import { once } from "node:events";
import { type Socket, connect as tcpConnect } from "node:net";
import { connect as tlsConnect } from "node:tls";
import { nkeys } from "nats";
import { classify, NatsConnectError } from "../errors.mts";
import { now } from "../load/clock.mts";
import { identityOf } from "../tls-identity.mts";
import type { Job } from "./job.mts";
import { type Frame, Wire } from "./wire.mts";

const CHUNK = 64 * 1024;
const TIMEOUT_MS = 5000;
const RETRY_MS = 250;
/** What may wait in the socket until publishers hold back. */
const MOST_WAITING = 512 * 1024;

type Take = (frame: Frame) => void;
interface Subscription {
  subject: string;
  queue: string;
  take: Take;
}

/**
 * A client connection for load: it writes frames that are made already and reads them without an object per message. When it is lost it
 * tries its own node and then the others, for ever, and subscribes again; what was under way is gone.
 */
export class Link {
  /** of the connection's own node; where it is after a reconnect isn't told */
  readonly node: string;
  up = false;
  /** when what is being taken arrived, clock.mts */
  at = 0;
  /** what frames are copied into; only until the next call */
  buffer: Buffer = Buffer.allocUnsafe(CHUNK);
  readonly #job: Job;
  readonly #first: number;
  readonly #name: string;
  readonly #note: (text: string) => void;
  readonly #subscriptions: (Subscription | undefined)[] = [undefined];
  readonly #spare: Buffer[] = [];
  readonly #pongs: (() => void)[] = [];
  #used = 0;
  #socket: Socket | undefined;
  #closed = false;
  /** it was lost, or is there again */
  changed: (up: boolean) => void = () => {};
  /** what had arrived has been taken */
  taken: () => void = () => {};

  constructor(job: Job, index: number, name: string, note: (text: string) => void) {
    this.#job = job;
    this.#first = index % job.nodes.length;
    this.node = job.nodes[this.#first]!.name;
    this.#name = name;
    this.#note = note;
  }

  /** Tries its own node only. @throws NatsConnectError */
  async open(): Promise<void> {
    try {
      await this.#connect(this.#first);
    } catch (error) {
      throw new NatsConnectError("app", [classify(this.#job.nodes[this.#first]!, error)]);
    }
  }

  get full(): boolean {
    return (this.#socket?.writableLength ?? 0) > MOST_WAITING;
  }

  /** Copies a frame in. @returns where in `buffer` it lies */
  put(frame: Uint8Array): number {
    const from = this.room(frame.length);
    this.buffer.set(frame, from);
    return from;
  }

  /** Makes room for so many bytes, to be written by the caller. @returns where in `buffer` */
  room(bytes: number): number {
    if (this.#used + bytes > this.buffer.length) {
      this.flush();
      if (bytes > this.buffer.length) this.buffer = Buffer.allocUnsafe(bytes);
    }
    const from = this.#used;
    this.#used += bytes;
    return from;
  }

  text(line: string): void {
    const bytes = Buffer.from(line);
    this.put(bytes);
  }

  flush(): void {
    if (this.#used === 0) return;
    const chunk = this.buffer;
    const part = chunk.subarray(0, this.#used);
    this.#used = 0;
    if (!this.up) return;
    this.buffer = this.#spare.pop() ?? Buffer.allocUnsafe(CHUNK);
    this.#socket!.write(part, () => {
      if (this.#spare.length < 32) this.#spare.push(chunk);
    });
  }

  /** @returns the number by which it is ended */
  subscribe(subject: string, take: Take, queue = ""): number {
    const sid = this.#subscriptions.push({ subject, queue, take }) - 1;
    this.text(`SUB ${subject}${queue && ` ${queue}`} ${sid}\r\n`);
    this.flush();
    return sid;
  }

  unsubscribe(sid: number): void {
    this.#subscriptions[sid] = undefined;
    this.text(`UNSUB ${sid}\r\n`);
    this.flush();
  }

  /** When the server has taken all that was written. False when the connection was lost over it. */
  async flushed(): Promise<boolean> {
    if (!this.up) return false;
    const socket = this.#socket!;
    const answered = new Promise<boolean>((resolve) => {
      this.#pongs.push(() => resolve(true));
      socket.once("close", () => resolve(false));
    });
    this.text("PING\r\n");
    this.flush();
    return answered;
  }

  close(): void {
    this.#closed = true;
    this.up = false;
    this.#socket?.destroy();
  }

  async #connect(index: number): Promise<void> {
    const node = this.#job.nodes[index]!;
    const { host, port } = node.at ?? node;
    const plain = tcpConnect({ host, port, noDelay: true });
    let socket: Socket = plain;
    const timer = setTimeout(() => plain.destroy(Object.assign(new Error("timeout"), { code: "ETIMEDOUT" })), TIMEOUT_MS);
    plain.on("error", () => {}); // each wait has its own listener; none may be missing in between
    try {
      const info = JSON.parse((await firstLine(plain)).replace(/^INFO /, "")) as { tls_required?: boolean; tls_available?: boolean; nonce?: string };
      const { ca } = this.#job;
      // As nats.js: a password isn't told to whom nobody has proved.
      if (ca !== undefined && !info.tls_required && !info.tls_available) throw new Error("server does not support 'tls'");
      if (info.tls_required || (info.tls_available && ca !== undefined)) {
        socket = tlsConnect({ socket: plain, ...(ca !== undefined && { ca }), checkServerIdentity: identityOf(this.#job.nodes) });
        socket.on("error", () => {});
        await once(socket, "secureConnect");
      }
      await this.#introduce(socket, info.nonce ?? "");
    } catch (error) {
      socket.destroy();
      plain.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Logs in, subscribes, and waits until the server has taken it. */
  async #introduce(socket: Socket, nonce: string): Promise<void> {
    const { app } = this.#job;
    const login =
      "user" in app
        ? { user: app.user, pass: app.password }
        : { nkey: publicKey(app.nkeySeed), sig: Buffer.from(nkeys.fromSeed(Buffer.from(app.nkeySeed)).sign(Buffer.from(nonce))).toString("base64url") };
    const options = { ...login, verbose: false, pedantic: false, headers: true, no_responders: true, protocol: 1, echo: true, lang: "sampan", version: "1" };
    let ready = (): void => {};
    let refused = "";
    const wire = new Wire({
      message: (frame) => this.#subscriptions[frame.sid]?.take(frame),
      info: () => {},
      ping: () => {
        this.text("PONG\r\n");
      },
      pong: () => (this.up ? this.#pongs.shift()?.() : ready()),
      error: (text) => {
        refused = text;
        if (this.up) this.#note(`${this.#name} on ${this.node}: ${text}`);
      },
    });
    const welcome = new Promise<void>((resolve, reject) => {
      ready = resolve;
      socket.once("error", reject);
      socket.once("close", () => reject(new Error(refused || "closed before the login")));
    });
    socket.on("data", (chunk: Buffer) => {
      this.at = now();
      wire.feed(chunk);
      this.taken();
      this.flush();
    });
    socket.once("close", () => this.#lost(socket, refused));
    const again = this.#subscriptions.flatMap((s, sid) => (s ? [`SUB ${s.subject}${s.queue && ` ${s.queue}`} ${sid}\r\n`] : []));
    socket.write(`CONNECT ${JSON.stringify({ ...options, name: `sampan bench ${this.#name}` })}\r\n${again.join("")}PING\r\n`);
    await welcome;
    this.#socket = socket;
    this.#used = 0;
    this.up = true;
  }

  #lost(socket: Socket, why: string): void {
    if (this.#closed || socket !== this.#socket) return;
    this.up = false;
    this.#socket = undefined;
    this.#pongs.length = 0;
    this.#note(`${this.#name} on ${this.node} lost its connection${why && ` (${why})`}`);
    this.changed(false);
    void this.#again();
  }

  async #again(): Promise<void> {
    for (let i = 0; !this.#closed; i++) {
      try {
        await this.#connect((this.#first + i) % this.#job.nodes.length);
        if (this.#closed) return this.close();
        return this.changed(true);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }
}

/** The server's greeting; what follows it isn't there before we speak. */
function firstLine(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const take = (d: Buffer): void => {
      text += d.toString();
      if (!text.includes("\r\n")) return;
      socket.off("data", take);
      resolve(text.trim());
    };
    socket.on("data", take);
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the connection was closed before the server's greeting")));
  });
}

const publicKey = (seed: string): string => nkeys.fromSeed(Buffer.from(seed)).getPublicKey();
