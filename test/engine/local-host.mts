import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";
import { type CompileOptions, compile, type Program, plan, preamble, type Step } from "../../lib/engine/compile.mts";
import type { EventInput } from "../../lib/engine/events.mts";
import { type Frame, FrameReader } from "../../lib/engine/protocol.mts";
import { type Resource, type ResourceSpec, resource } from "../../lib/engine/resource.mts";
import { type Outcome, StepEvents } from "../../lib/engine/step-events.mts";
import { quote, Sh } from "../../lib/sh.mts";
import { env } from "./shells.mts";

export type TaskEnd = Extract<EventInput, { type: "task_end" }>;

/** A folder that stands for a host's disk; lock and audit log lie in it too. */
export class Disk {
  readonly path: string;
  constructor(t: Test) {
    this.path = mkdtempSync(join(tmpdir(), "sampan-test-"));
    for (const dir of ["run", "log", "d"]) mkdirSync(join(this.path, dir));
    t.teardown(() => {
      spawnSync("chattr", ["-R", "-i", this.path]);
      rmSync(this.path, { recursive: true, force: true });
    });
  }
  at(...parts: string[]): string {
    return join(this.path, "d", ...parts);
  }
  get audit(): string {
    try {
      return readFileSync(join(this.path, "log/audit.log"), "utf8");
    } catch {
      return "";
    }
  }
  get holder(): string {
    try {
      return readFileSync(join(this.path, "run/holder"), "utf8");
    } catch {
      return "";
    }
  }
}

/**
 * The engine's own programs in one shell, without SSH: preamble on stdin, frames from stdout, as a Session does it. Runs in a mount
 * namespace of its own, where /run/sampan and /var/log/sampan lie on the disk.
 */
export class LocalHost {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  /** what a test waits for at most: a hang is a failure that says where */
  patience = 15_000;
  readonly frames: Frame[] = [];
  readonly disk: Disk;
  stderr = "";
  readonly #reader = new FrameReader("sampan-local");
  #onFrame: (frame: Frame) => void = () => {};
  /** answers a host's `want`; the default pushes the payload's file */
  push: (program: Program, sha256: string, part: string) => void = (program, sha256, part) => {
    writeFileSync(part, readFileSync(program.payloads.get(sha256)!.path), { mode: 0o600 });
    writeFileSync(`${part}.whole`, "");
  };

  constructor(t: Test, shell: readonly string[], disk: Disk, setup = "") {
    this.disk = disk;
    const enter = `mkdir -p /run/sampan /var/log/sampan && mount --bind ${quote(join(disk.path, "run"))} /run/sampan &&
      mount --bind ${quote(join(disk.path, "log"))} /var/log/sampan && { ${setup || ":"}; } && exec "$@" -s`;
    this.child = spawn("unshare", ["--mount", "sh", "-ec", enter, "sh", ...shell], { stdio: ["pipe", "pipe", "pipe"], env, detached: true });
    this.child.stdout!.on("data", (chunk: Buffer) => {
      for (const f of this.#reader.push(chunk)) {
        this.frames.push(f);
        this.#onFrame(f);
      }
    });
    this.child.stderr!.on("data", (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.child.stdin!.on("error", () => {});
    this.ended = new Promise((resolve) => this.child.on("close", resolve));
    t.teardown(() => this.child.kill("SIGKILL"));
    this.send(preamble("sampan-local", "tester@here test"));
  }

  send(text: string): void {
    this.child.stdin!.write(text);
  }

  lock(holder: string): Promise<Frame> {
    return this.exchange(`sp_lock ${quote(holder)}\nemit ready\n`, ["locked", "ready"]);
  }

  /** Sends text, and waits for a frame of one of these kinds (or the shell's end: kind `gone`). */
  exchange(text: string, kinds: readonly string[], each: (frame: Frame) => void = () => {}): Promise<Frame> {
    return new Promise((resolve) => {
      const killer = setTimeout(() => this.child.kill("SIGKILL"), this.patience);
      this.#onFrame = (frame) => {
        each(frame);
        if (kinds.includes(frame.kind)) {
          clearTimeout(killer);
          resolve(frame);
        }
      };
      void this.ended.then(() => {
        clearTimeout(killer);
        resolve({ kind: "gone", fields: [] });
      });
      this.send(text);
    });
  }

  async run(program: Program, onFrame: (frame: Frame) => void = () => {}): Promise<{ outcome: Outcome; events: EventInput[]; ends: TaskEnd[] }> {
    const events: EventInput[] = [];
    const steps = new StepEvents(program, "local", "phase", (e) => events.push(e));
    const last = await this.exchange(program.text, ["end"], (frame) => {
      if (frame.kind === "w") this.push(program, frame.fields[0]!, frame.fields[1]!);
      steps.frame(frame);
      onFrame(frame);
    });
    if (last.kind === "gone") steps.lost({ what: "gone" });
    return { outcome: steps.outcome, events, ends: events.filter((e) => e.type === "task_end") };
  }

  async close(): Promise<number | null> {
    this.child.stdin!.end();
    return this.ended;
  }
}

/** A resource made of plain shell text. */
export function step(name: string, check: string, apply = ":", more: Partial<ResourceSpec> = {}): Resource {
  return resource({ type: "step", name, check: new Sh(check), apply: new Sh(apply), ...more });
}

/** Converged once `flag` exists. */
export const flag = (path: string, apply = `: >${quote(path)}`, more: Partial<ResourceSpec> = {}): Resource =>
  step(path.split("/").at(-1)!, `[ -e ${quote(path)} ] || differs state absent present`, apply, more);

export const stepsOf = (...resources: Resource[]): Step[] => plan([{ role: "role", resources }]);
export const programOf = (mode: CompileOptions["mode"], ...resources: Resource[]): Program => compile(stepsOf(...resources), { mode, diff: true });
export const sha256 = (data: string | Buffer): string => createHash("sha256").update(data).digest("hex");

/** `name status` of each task, for short comparisons. */
export const summary = (ends: readonly TaskEnd[]): string[] => ends.map((e) => `${e.task.replace(/^step /, "")} ${e.status}`);
