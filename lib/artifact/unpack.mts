import { spawn } from "node:child_process";
import { closeSync, copyFileSync, openSync, readSync } from "node:fs";
import { UsageError } from "../inventory/types.mts";

/** What a file is by its first bytes. */
export function kindOf(path: string): "tar.gz" | "program" | "other" {
  const head = headOf(path, 4);
  if (head.length >= 2 && head.readUInt16BE(0) === 0x1f8b) return "tar.gz";
  return head.length === 4 && head.readUInt32BE(0) === 0x7f454c46 ? "program" : "other";
}

export function headOf(path: string, bytes: number): Buffer {
  const fd = openSync(path, "r");
  try {
    const head = Buffer.alloc(bytes);
    return head.subarray(0, readSync(fd, head, 0, bytes, 0));
  } finally {
    closeSync(fd);
  }
}

/**
 * Takes nats-server out of a tar.gz, or copies it when the file is the program itself.
 * tar writes the one member to a file that we opened, so nothing in an archive can name a path on this machine.
 * @param from where the archive came from, for the error
 */
export async function unpack(archive: string, to: string, expected: string, from: string): Promise<void> {
  const kind = kindOf(archive);
  if (kind === "program") return copyFileSync(archive, to);
  if (kind === "other")
    throw new UsageError(
      `${from}: is neither a tar.gz nor a program (it begins with ${JSON.stringify(headOf(archive, 20).toString("latin1"))}); correct nats_source`,
    );
  const listed = await tar(["-tzf", archive], "pipe", from);
  const members = listed.split("\n").filter((m) => /(^|\/)nats-server$/.test(m) && !m.startsWith("-"));
  const member = members.find((m) => m === expected || m === `./${expected}`) ?? members[0];
  if (!member) throw new UsageError(`${from}: the archive has no nats-server in it; correct nats_source`);
  const fd = openSync(to, "w", 0o755);
  try {
    await tar(["-xzOf", archive, member], fd, from);
  } finally {
    closeSync(fd);
  }
}

async function tar(args: string[], out: "pipe" | number, from: string): Promise<string> {
  const { code, stdout, stderr } = await new Promise<{ code: number | null; stdout: string; stderr: string }>((done, fail) => {
    const child = spawn("tar", args, { stdio: ["ignore", out, "pipe"], env: { ...process.env, LC_ALL: "C" } });
    let stdout = "",
      stderr = "";
    child.stdout?.on("data", (text) => {
      stdout += text;
    });
    child.stderr!.on("data", (text) => {
      stderr += text;
    });
    child.on("error", () => fail(new UsageError(`${from}: can't be unpacked, there is no tar on this machine; install tar and gzip`)));
    child.on("close", (code) => done({ code, stdout, stderr }));
  });
  if (code === 0) return stdout;
  const why =
    stderr
      .trim()
      .split("\n")[0]!
      .replace(/^(tar|gzip): */, "") || `tar exits with ${code}`;
  throw new UsageError(`${from}: the archive is damaged or cut short (${why}); fetch it anew`);
}
