import { spawn } from "node:child_process";
import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { UsageError } from "../inventory/types.mts";

export interface DownloadOptions {
  /** seconds without a byte after which a server counts as dead (default 30) */
  stallSeconds?: number;
}

const OTHERWISE = "or fetch it by other means and set nats_source: { file: … }";
/** A third try helps against a hiccup; more only keep a person waiting. */
const TRIES = 3;

/** Node's own causes, in words */
const CAUSES: Record<string, string> = {
  ENOTFOUND: "its name can't be resolved",
  EAI_AGAIN: "its name can't be resolved",
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection broken off",
  UND_ERR_SOCKET: "connection broken off",
  UND_ERR_CONNECT_TIMEOUT: "no answer",
  ETIMEDOUT: "no answer",
  EHOSTUNREACH: "no route to it",
  ENETUNREACH: "no route to it",
};

class Passing extends Error {}

/**
 * Fetches a URL into a file. Broken connections and 5xx answers are tried three times, each time from the start: releases have 6 MB.
 * Node 20's fetch knows no proxies: where the environment names one, curl does it.
 * @throws UsageError one line with the URL and what to do
 */
export async function download(url: string, file: string, options: DownloadOptions = {}): Promise<void> {
  const proxy = proxyFor(url);
  const attempt = proxy ? () => byCurl(url, file, proxy, options.stallSeconds ?? 30) : () => byFetch(url, file, options.stallSeconds ?? 30);
  for (let n = 1; ; n++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Passing)) throw error;
      if (n === TRIES) throw new UsageError(`${url}: ${error.message} (tried ${TRIES} times); check the network, ${OTHERWISE}`);
      await sleep(250 * 2 ** n);
    }
  }
}

async function byFetch(url: string, file: string, stallSeconds: number): Promise<void> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), stallSeconds * 1000);
  const out = await open(file, "w", 0o644);
  try {
    const response = await fetch(url, { signal: stop.signal, headers: { "user-agent": "sampan" } });
    refuseStatus(url, response.status);
    // The checksum list comes the same way: a step down to http would leave nothing that vouches for it.
    if (url.startsWith("https:") && !response.url.startsWith("https:"))
      throw new UsageError(`${url}: is redirected to ${response.url}, which isn't https; correct nats_source`);
    for await (const chunk of response.body ?? []) {
      timer.refresh();
      await out.write(chunk);
    }
  } catch (error) {
    if (error instanceof UsageError || error instanceof Passing) throw error;
    if (stop.signal.aborted) throw new Passing(`sent nothing for ${stallSeconds} s`);
    const cause = (error as { cause?: NodeJS.ErrnoException }).cause;
    if (!cause) throw error; // not the network: a full disk, a mistake here
    throw new Passing(CAUSES[cause.code ?? ""] ?? cause.message);
  } finally {
    clearTimeout(timer);
    await out.close();
  }
}

function refuseStatus(url: string, status: number): void {
  if (status === 200) return;
  if (status >= 500 || status === 429 || status === 408) throw new Passing(`the server answers ${status}`);
  if (status === 404 || status === 410) throw new UsageError(`${url}: there is no such file (${status}); check nats_version and nats_source`);
  throw new UsageError(`${url}: the server answers ${status}; check nats_source, ${OTHERWISE}`);
}

/** The proxy variables as curl reads them; which hosts NO_PROXY spares is left to curl too. */
export function proxyFor(url: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  const names = url.startsWith("https:") ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy"];
  return [...names, "all_proxy", "ALL_PROXY"].find((name) => env[name]);
}

async function byCurl(url: string, file: string, proxy: string, stallSeconds: number): Promise<void> {
  const args = [
    "-sSL",
    "--proto",
    url.startsWith("https:") ? "=https" : "=http,https",
    "--connect-timeout",
    String(stallSeconds),
    "--speed-limit",
    "1",
    "--speed-time",
    String(stallSeconds),
    "-o",
    file,
    "-w",
    "%{http_code}",
    "--",
    url,
  ];
  const { code, stdout, stderr } = await new Promise<{ code: number | null; stdout: string; stderr: string }>((done, fail) => {
    const child = spawn("curl", args, { stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "",
      stderr = "";
    child.stdout.on("data", (text) => {
      stdout += text;
    });
    child.stderr.on("data", (text) => {
      stderr += text;
    });
    child.on("error", () =>
      fail(new UsageError(`${url}: ${proxy} is set, which Node's own HTTP client can't use, and there is no curl; install curl, ${OTHERWISE}`)),
    );
    child.on("close", (code) => done({ code, stdout, stderr }));
  });
  if (code !== 0) throw new Passing(`curl, which is used because ${proxy} is set, says: ${stderr.trim().split("\n").at(-1)}`);
  refuseStatus(url, Number(stdout));
}
