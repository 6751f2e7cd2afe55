import { readdirSync, readFileSync } from "node:fs";

/**
 * Looks again and again at the arguments and environments of all processes, as `ps` could: those of the controller, and those of the
 * lab's hosts too, whose processes this machine's /proc shows as well.
 */
export class Sampler {
  readonly found: string[] = [];
  /** what ran, so that a test knows that it would have seen it */
  readonly commands = new Set<string>();
  rounds = 0;
  readonly #needles: readonly (string | RegExp)[];
  #timer: NodeJS.Timeout | undefined;

  constructor(needles: readonly (string | RegExp)[]) {
    this.#needles = needles;
  }

  start(): this {
    this.#look();
    return this;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #look(): void {
    for (const pid of readdirSync("/proc")) {
      if (!/^\d+$/.test(pid) || pid === String(process.pid)) continue;
      const command = read(`/proc/${pid}/cmdline`);
      if (command === "") continue;
      this.commands.add(command.replaceAll("\0", " "));
      this.#judge(`arguments of ${command.split("\0")[0]}`, command);
      this.#judge(`environment of ${command.split("\0")[0]}`, read(`/proc/${pid}/environ`));
    }
    this.rounds++;
    this.#timer = setTimeout(() => this.#look(), 5);
  }

  #judge(where: string, text: string): void {
    for (const [i, needle] of this.#needles.entries())
      if (typeof needle === "string" ? text.includes(needle) : needle.test(text)) this.found.push(`secret ${i} in ${where}`);
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
