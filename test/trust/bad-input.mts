import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { root } from "../lab/fixture.mts";

/** Files of an inventory by name, over a valid one; null: not there. */
export type Files = Readonly<Record<string, string | Uint8Array | { text: string; mode: number } | null>>;

/** What a user meets. */
export interface Met {
  status: number | null;
  stdout: string;
  stderr: string;
  calls: string[];
  connections: number;
  made: string[];
}

/** Starts real playbooks with broken input, where no connection can go unseen: ssh is a script that notes its calls, the hosts' addresses are ours. */
export class Bench {
  readonly #dir = mkdtempSync(join(tmpdir(), "sampan-bad-"));
  readonly #servers: Server[] = [];
  #connections = 0;
  #port = 0;
  #count = 0;

  static async open(): Promise<Bench> {
    const bench = new Bench();
    for (const address of ["127.0.0.1", "127.0.0.2", "127.0.0.3"]) {
      const server = createServer((socket) => {
        bench.#connections++;
        socket.destroy();
      }).listen(bench.#port, address);
      await once(server, "listening");
      bench.#port = (server.address() as { port: number }).port;
      bench.#servers.push(server);
    }
    mkdirSync(join(bench.#dir, "bin"));
    for (const command of ["ssh", "ssh-keyscan", "curl", "wget"])
      writeFileSync(join(bench.#dir, "bin", command), `#!/bin/sh\necho "${command} $*" >>${bench.#dir}/calls\nexit 255\n`, { mode: 0o755 });
    return bench;
  }

  close(): void {
    for (const server of this.#servers) server.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  /** `inv` in arguments stands for the inventory's folder, which is the folder `inv` that the command is started beside. */
  async meet(files: Files, args: readonly string[], playbook = "site.mts"): Promise<Met> {
    const home = join(this.#dir, String(this.#count++)),
      inv = join(home, "inv");
    const all: Files = {
      "hosts.yml": `nats:\n  hosts:\n${[1, 2, 3].map((i) => `    n${i}: { address: 127.0.0.${i} }\n`).join("")}`,
      "group_vars/nats.yml": `ssh: { port: ${this.#port}, user: root }\n`,
      ...files,
    };
    for (const [name, content] of Object.entries(all)) {
      if (content === null) continue;
      mkdirSync(dirname(join(inv, name)), { recursive: true });
      const { text, mode } = typeof content === "object" && "mode" in content ? content : { text: content, mode: 0o600 };
      writeFileSync(join(inv, name), text);
      chmodSync(join(inv, name), mode);
    }
    const before = tree(inv);
    const [calls, connections] = [this.#calls().length, this.#connections];
    const child = spawn(join(root, "playbooks", playbook), args, {
      cwd: home,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, PATH: `${this.#dir}/bin:${process.env["PATH"]}` },
    });
    let stdout = "",
      stderr = "";
    child.stdout.on("data", (d: Buffer) => {
      stdout += d.toString();
    });
    child.stderr.on("data", (d: Buffer) => {
      stderr += d.toString();
    });
    const [status] = (await once(child, "close")) as [number | null];
    const plain = (text: string): string => text.replaceAll(`${home}/`, "").replaceAll(root, "");
    return {
      status,
      stdout: plain(stdout),
      stderr: plain(stderr),
      calls: this.#calls().slice(calls),
      connections: this.#connections - connections,
      made: tree(inv).filter((f) => !before.includes(f)),
    };
  }

  #calls(): string[] {
    const file = join(this.#dir, "calls");
    return existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : [];
  }
}

const tree = (dir: string): string[] => readdirSync(dir, { recursive: true }).map(String).sort();
