import { nearest } from "../inventory/suggest.mts";
import { candidates } from "./candidates.mts";
import { COMPLETIONS } from "./completions.mts";
import { ABOUT, playbooks } from "./playbooks.mts";

/** `sampan` where no playbook is named: the list of them, shell completion, or what is wrong. @returns the exit status */
async function main([word = "", ...rest]: readonly string[]): Promise<number> {
  if (["", "-h", "--help", "help", "list"].includes(word)) process.stdout.write(list());
  else if (word === "completion") return completion(rest[0]);
  else if (word === "complete") process.stdout.write((await candidates(rest)).map((c) => `${c}\n`).join(""));
  else {
    const guess = nearest(word, [...playbooks().keys(), "completion", "help"]);
    process.stderr.write(`sampan: there is no playbook "${word}"; ${guess ? `did you mean ${guess}?` : "sampan alone lists them"}\n`);
    return 3;
  }
  return 0;
}

function list(): string {
  const all = [...playbooks()];
  const width = Math.max(...all.map(([name]) => name.length));
  return [
    ABOUT,
    "",
    "  sampan PLAYBOOK [-i inventory/REGION] [flags]      sampan PLAYBOOK --help tells all",
    "",
    ...all.map(([name, about]) => `  ${name.padEnd(width)}  ${about}`),
    "",
    `Shell completion: eval "$(sampan completion bash)" in ~/.bashrc, the same with zsh in ~/.zshrc; sampan completion fish | source`,
    "",
  ].join("\n");
}

function completion(shell = ""): number {
  const script = COMPLETIONS[shell];
  if (script !== undefined) process.stdout.write(script);
  else process.stderr.write(`sampan: completion takes one of ${Object.keys(COMPLETIONS).join(", ")}, not "${shell}"\n`);
  return script === undefined ? 3 : 0;
}

process.exitCode = await main(process.argv.slice(2));
