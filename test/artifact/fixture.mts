import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { machine, tmpdir } from "node:os";
import { join } from "node:path";
import { archOf } from "../../lib/artifact/arch.mts";

interface Test {
  teardown(fn: () => unknown): void;
}

export const HERE = archOf(machine());
export const MACHINES: Record<string, number> = { amd64: 62, arm64: 183 };

export function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), "sampan-artifact-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/**
 * The smallest program that Linux runs and that answers `--version` as nats-server does: an ELF header, one segment, and code
 * that writes the text and exits. For another machine than amd64 only the header is right.
 */
export function program(version: string, arch: "amd64" | "arm64" = "amd64", says = `nats-server: v${version}\n`): Buffer {
  const text = Buffer.from(says);
  const code = Buffer.from([
    0xb8,
    1,
    0,
    0,
    0,
    0xbf,
    1,
    0,
    0,
    0,
    0xbe,
    0,
    0,
    0,
    0,
    0xba,
    0,
    0,
    0,
    0,
    0x0f,
    0x05, // write(1, text, length)
    0xb8,
    60,
    0,
    0,
    0,
    0x31,
    0xff,
    0x0f,
    0x05, // exit(0)
  ]);
  const base = 0x400000,
    start = 64 + 56;
  code.writeUInt32LE(base + start + code.length, 11);
  code.writeUInt32LE(text.length, 16);
  const head = Buffer.alloc(start);
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  head.writeUInt16LE(2, 16);
  head.writeUInt16LE(MACHINES[arch]!, 18);
  head.writeUInt32LE(1, 20);
  head.writeBigUInt64LE(BigInt(base + start), 24);
  head.writeBigUInt64LE(64n, 32);
  head.writeUInt16LE(64, 52);
  head.writeUInt16LE(56, 54);
  head.writeUInt16LE(1, 56);
  head.writeUInt32LE(1, 64);
  head.writeUInt32LE(5, 68);
  head.writeBigUInt64LE(BigInt(base), 80);
  head.writeBigUInt64LE(BigInt(base), 88);
  for (const at of [96, 104]) head.writeBigUInt64LE(BigInt(start + code.length + text.length), at);
  head.writeBigUInt64LE(0x1000n, 112);
  return Buffer.concat([head, code, text]);
}

/** A tar.gz with the given members; a string is the target of a symbolic link. */
export function archive(t: Test, members: Record<string, Buffer | string>): Buffer {
  const dir = folder(t);
  for (const [name, body] of Object.entries(members)) {
    const path = join(dir, "in", name);
    mkdirSync(join(path, ".."), { recursive: true });
    if (typeof body === "string") symlinkSync(body, path);
    else {
      writeFileSync(path, body);
      chmodSync(path, 0o755);
    }
  }
  execFileSync("tar", ["-czf", join(dir, "out.tar.gz"), "-C", join(dir, "in"), ...readdirSync(join(dir, "in"))]);
  return readFileSync(join(dir, "out.tar.gz"));
}

export const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

export interface Web {
  url: string;
  asked: string[];
  files: Record<string, Buffer>;
  answer?: (request: IncomingMessage, response: ServerResponse) => boolean;
  close(): Promise<void>;
}

/** A real HTTP server on loopback. `answer` may take a request over by returning true. */
export async function web(t: Test, files: Record<string, Buffer> = {}): Promise<Web> {
  const server = createServer((request, response) => {
    site.asked.push(request.url!);
    if (site.answer?.(request, response)) return;
    const body = site.files[request.url!];
    response.writeHead(body ? 200 : 404, { "content-length": body?.length ?? 0 }).end(body);
  });
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  };
  t.teardown(close);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const site: Web = { url: `http://127.0.0.1:${(server.address() as { port: number }).port}`, asked: [], files, close };
  return site;
}

/** A web site laid out like nats-server's releases. */
export async function releases(t: Test, ...versions: { version: string; arch?: "amd64" | "arm64"; program?: Buffer }[]): Promise<Web> {
  const site = await web(t);
  for (const { version, arch = "amd64", program: bytes = program(version, arch) } of versions) {
    const stem = `nats-server-v${version}-linux-${arch}`;
    const body = archive(t, { [`${stem}/nats-server`]: bytes, [`${stem}/README.md`]: Buffer.from("# NATS"), [`${stem}/LICENSE`]: Buffer.from("Apache") });
    site.files[`/v${version}/${stem}.tar.gz`] = body;
    const sums = `/v${version}/SHA256SUMS`;
    site.files[sums] = Buffer.concat([
      site.files[sums] ?? Buffer.alloc(0),
      Buffer.from(`${"0".repeat(64)}  nats-server-v${version}-windows-amd64.zip\n${sha256(body)}  ${stem}.tar.gz\n`),
    ]);
  }
  return site;
}
