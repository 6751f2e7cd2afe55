import { createInterface } from "node:readline/promises";

/** The user left the questions by Ctrl-C or Ctrl-D. */
export class Left extends Error {}

/** Whether somebody sits at a terminal who can be asked. */
export const canAsk = (): boolean => Boolean(process.stdin.isTTY && process.stderr.isTTY);

/**
 * Asks on the terminal until the answer will do. Enter takes what stands in brackets.
 * @param wrong what is wrong with an answer, in a line; undefined: nothing
 * @throws Left
 */
export async function ask(question: string, preset: string, wrong: (answer: string) => string | undefined): Promise<string> {
  for (;;) {
    const answer = (await once(`${question}${preset ? ` [${preset}]` : ""}: `)).trim() || preset;
    const why = wrong(answer);
    if (why === undefined) return answer;
    process.stderr.write(`  ${why}\n`);
  }
}

/** @throws Left */
export async function confirm(question: string): Promise<boolean> {
  return /^y(es)?$/i.test((await once(`${question} [y/N]: `)).trim());
}

async function once(prompt: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await new Promise((resolve, reject) => {
      lines.once("SIGINT", () => reject(new Left())).once("close", () => reject(new Left()));
      lines.question(prompt).then(resolve, reject);
    });
  } finally {
    lines.close();
  }
}
