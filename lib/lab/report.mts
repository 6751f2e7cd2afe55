/** Where the lab tells what it does; each step ends in one line. */
export interface Report {
  start(name: string, doing: string): Step;
}
export interface Step {
  done(result: string): void;
}

export const silent: Report = { start: () => ({ done: () => {} }) };

/** One line per finished step. On a terminal the line of the work in hand is shown (and overwritten) too. */
export function lines(out: NodeJS.WriteStream): Report {
  const running = new Set<string>();
  const transient = (): void => {
    if (!out.isTTY) return;
    out.write(`\r\x1b[K${[...running].join(" · ").slice(0, (out.columns || 80) - 1)}`);
  };
  return {
    start(name, doing) {
      const began = performance.now();
      const now = `${name}: ${doing}`;
      running.add(now);
      transient();
      return {
        done(result) {
          running.delete(now);
          const seconds = ((performance.now() - began) / 1000).toFixed(1);
          out.write(`${out.isTTY ? "\r\x1b[K" : ""}  ${name.padEnd(14)} ${result} (${seconds} s)\n`);
          transient();
        },
      };
    },
  };
}
