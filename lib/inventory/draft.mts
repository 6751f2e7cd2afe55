import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { shown } from "./problems.mts";
import { UsageError } from "./types.mts";

/**
 * An inventory folder that is being written: beside the place where it shall stand, so that it gets there in one step; or, for a look
 * only, in a temporary folder. Whatever happens, what isn't put in place is gone when the process ends.
 */
export class Draft {
  /** the folder to write into; it has the name that it will have */
  readonly dir: string;
  readonly #target: string;
  readonly #over: string;
  readonly #onExit = (): void => rmSync(this.#over, { recursive: true, force: true });

  /** @throws UsageError when the place is taken, or can't be written */
  constructor(target: string, forALookOnly: boolean) {
    this.#target = target;
    refuseTaken(target);
    try {
      if (!forALookOnly) mkdirSync(dirname(target), { recursive: true });
      this.#over = mkdtempSync(forALookOnly ? join(tmpdir(), "sampan-region-") : join(dirname(target), `.${basename(target)}.`));
      this.dir = join(this.#over, basename(target));
      mkdirSync(this.dir);
    } catch (error) {
      throw new UsageError(`${shown(dirname(target))}: can't be written (${(error as NodeJS.ErrnoException).code}); make it writable, or name another place`);
    }
    process.on("exit", this.#onExit);
  }

  /** @param path within the folder */
  write(path: string, text: string, mode = 0o644): void {
    const file = join(this.dir, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { mode });
  }

  /** All of it, in one step. @throws UsageError when somebody else has been faster */
  put(): void {
    refuseTaken(this.#target);
    renameSync(this.dir, this.#target);
    this.drop();
  }

  drop(): void {
    this.#onExit();
    process.off("exit", this.#onExit);
  }
}

/** @throws UsageError: an existing region is never touched */
export function refuseTaken(target: string): void {
  if (!existsSync(target)) return;
  throw new UsageError(
    statSync(target).isDirectory()
      ? `${shown(target)} is there already, and a region is never overwritten; choose another name, or look at it with: region.mts check ${basename(target)}`
      : `${shown(target)} is a file; choose another name`,
  );
}
