import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Connection } from "../inventory/types.mts";
import { BEGIN, channelArgv, forwardArgv, masterArgv, type SshOptions } from "./argv.mts";

/** What a finished ssh process said. */
export interface Ended {
  exit: number | null;
  stderr: string;
}

/** Folder of one run's control sockets; short, because a socket's path may have 107 bytes at most (unix(7)). */
export class ControlFolder {
  readonly path = mkdtempSync(join(tmpdir(), "sampan-"));
  #next = 0;
  socket(): string {
    return join(this.path, String(this.#next++));
  }
  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/**
 * One SSH connection to a host. Its first session is a shell that reads programs from us one after another, so a further
 * phase costs one round trip and no new channel; payloads and port forwards use channels beside it.
 */
export class Master {
  readonly connection: Connection;
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #control: string;
  #stderr = "";
  #over = false;

  constructor(connection: Connection, control: string, options: SshOptions, onData: (chunk: Buffer) => void) {
    this.connection = connection;
    this.#control = control;
    // Its own process group: Ctrl-C on the terminal is ours to handle, not ssh's to die of.
    this.#child = spawn("ssh", masterArgv(connection, control, options), { stdio: ["pipe", "pipe", "pipe"], detached: true });
    this.#child.stdout!.on("data", onData);
    this.#child.stderr!.on("data", (d: Buffer) => {
      if (this.#stderr.length < 20_000) this.#stderr += d.toString();
    });
    this.#child.stdin!.on("error", () => {
      /* the end is told by `ended` */
    });
    this.ended = new Promise((resolve) => {
      this.#child.on("error", (e) => {
        this.#stderr += e.message;
      });
      this.#child.on("close", (exit) => {
        this.#over = true;
        resolve({ exit, stderr: this.#stderr });
      });
    });
    this.send(this.#password());
  }

  #password(): string {
    const { become, become_password } = this.connection;
    return become && become_password ? `${become_password.reveal()}\n${BEGIN}\n` : "";
  }

  send(text: string): void {
    this.#child.stdin!.write(text);
  }

  /** Runs a command beside the shell; `input` is a file to stream into it. */
  async channel(command: string, input?: string): Promise<Ended> {
    const child = spawn("ssh", channelArgv(this.connection, this.#control, command), { stdio: ["pipe", "ignore", "pipe"], detached: true });
    let stderr = "";
    child.stderr.on("data", (d: Buffer) => {
      stderr += d.toString();
    });
    const closed = once(child, "close") as Promise<[number | null]>;
    child.stdin.on("error", () => {
      /* told by the exit status */
    });
    child.stdin.write(this.#password());
    if (input === undefined) child.stdin.end();
    else
      await pipeline(createReadStream(input, { highWaterMark: 1 << 18 }), child.stdin).catch(() => {
        /* likewise */
      });
    const [exit] = await closed;
    return { exit, stderr };
  }

  /** Starts a command beside the shell, to be talked to. The end of its input is the end of the connection, and of what was sent. */
  start(command: string): ChildProcess {
    const child = spawn("ssh", channelArgv(this.connection, this.#control, command), { stdio: ["pipe", "pipe", "pipe"], detached: true });
    child.stdin.on("error", () => {
      /* told by how it ends */
    });
    child.stdin.write(this.#password());
    return child;
  }

  /** Makes `host:port` as seen from the host reachable here; gives the local port. */
  async forward(to: string): Promise<number> {
    const port = await freePort();
    const child = spawn("ssh", forwardArgv(this.connection, this.#control, port, to), { stdio: "ignore", detached: true });
    const [exit] = (await once(child, "close")) as [number | null];
    if (exit !== 0) throw new Error(`ssh can't forward ${to} through ${this.connection.address}`);
    return port;
  }

  /** Ends the shell and the connection; after 10 s of waiting by force: a busy host's shell may still hold the lock by then. */
  async close(): Promise<void> {
    if (this.#over) return;
    this.#child.stdin!.end();
    const timer = setTimeout(() => this.kill(), 10_000);
    await this.ended;
    clearTimeout(timer);
  }

  kill(): void {
    if (!this.#over) this.#child.kill("SIGKILL");
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}
