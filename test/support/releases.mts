import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, createReadStream, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";
import { archOf } from "../../lib/artifact/arch.mts";
import { serverBinary } from "../nats/servers.mts";

export interface Releases {
  /** as the lab's hosts and this machine reach it */
  url: (host: string) => string;
  /** what was asked for, in order */
  asked: string[];
  /** checksum of what lies at a path */
  sha256: (path: string) => string;
  /** an empty artifact cache */
  cache: string;
}

const arch = archOf(process.arch === "x64" ? "x86_64" : "aarch64");
export const archive = (version: string): string => `v${version}/nats-server-v${version}-linux-${arch}.tar.gz`;
export const program = (version: string): string => `plain/nats-server-${version}`;

/** A web server laid out like nats-server's releases (archives, SHA256SUMS), with real servers in them; and the bare programs. */
export async function releases(t: Test, ...versions: string[]): Promise<Releases> {
  const dir = mkdtempSync(join(tmpdir(), "sampan-releases-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const sha256 = (path: string): string =>
    createHash("sha256")
      .update(readFileSync(join(dir, path)))
      .digest("hex");
  mkdirSync(join(dir, "plain"));
  for (const version of versions) {
    const stem = archive(version).replace(/^.*\/|\.tar\.gz$/g, "");
    mkdirSync(join(dir, `v${version}`, stem), { recursive: true });
    const binary = await serverBinary(version);
    copyFileSync(binary, join(dir, program(version)));
    copyFileSync(binary, join(dir, `v${version}`, stem, "nats-server"));
    execFileSync("tar", ["-czf", join(dir, archive(version)), "-C", join(dir, `v${version}`), stem]);
    writeFileSync(join(dir, `v${version}`, "SHA256SUMS"), `${sha256(archive(version))}  ${stem}.tar.gz\n`);
  }
  const asked: string[] = [];
  const server = createServer(({ url = "" }, response) => {
    asked.push(url);
    const file = join(dir, url);
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return void response.writeHead(404).end();
    createReadStream(file).pipe(response);
  }).listen(0, "0.0.0.0");
  await once(server, "listening");
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const cache = join(dir, "cache");
  mkdirSync(cache);
  return { url: (host) => `http://${host}:${(server.address() as AddressInfo).port}`, asked, sha256, cache };
}
