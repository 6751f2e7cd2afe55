import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "../lab/fixture.mts";
import type { Page } from "./pages.mts";

/** A command that a page tells its reader to type. */
export interface Command {
  /** `page:line` */
  at: string;
  /** as it stands there, without comment and redirection */
  text: string;
  /** the same as words, quotes taken off */
  words: string[];
}

const OURS = String.raw`(?:\./)?playbooks/[\w-]+\.mts|\./test/\S+|npx|npm|sampan`;
/** A command of ours at the start of a line, or after `cd … &&`, `$`, a cron table's times, a shell's `if`. */
const IN_BLOCK = new RegExp(String.raw`(?:^|&& |\|\| |; |\$ |\$\(|\bif |! |run: )((?:${OURS})(?= |$).*)$`);
const IN_SPAN = new RegExp(`^(?:eval "\\$\\()?((?:${OURS})(?= |$).*)$`);
/** Where a command ends: at a comment (two blanks or #), a pipe, a redirection, the next command. */
const END = /\s{2,}|\s#|\s\|\|?\s|\s&&\s|\s&$|;(?:\s|$)|\s>>?\s?|\)"?$/;

/** Blocks without a language, or of a shell, hold commands; others hold files. */
const holdsCommands = (language: string): boolean => ["", "sh", "bash", "console", "yaml", "yml"].includes(language.split(" ")[0]!);

export function commandsOf(page: Page): Command[] {
  const found: Command[] = [];
  const add = (text: string, line: number): void => {
    const command = cut(text);
    found.push({ at: `${page.file}:${line}`, text: command, words: words(command) });
  };
  for (const { language, lines } of page.blocks)
    if (holdsCommands(language))
      for (const { text, line } of lines) {
        const match = IN_BLOCK.exec(text.trim());
        if (match) add(match[1]!, line);
      }
  for (const { text, line } of page.spans) {
    const match = IN_SPAN.exec(text);
    if (match) add(match[1]!, line);
    // `scale.mts --remove HOST`, as one playbook speaks of another
    else if (/^[\w-]+\.mts( |$)/.test(text) && (existsSync(join(root, "playbooks", text.split(" ")[0]!)) || / --?\w/.test(text)))
      add(`./playbooks/${text}`, line);
  }
  return found;
}

function cut(text: string): string {
  // Quoted text is one word, whatever it holds.
  const masked = text.replaceAll(/'[^']*'|"[^"]*"/g, (quoted) => "x".repeat(quoted.length));
  const end = masked.search(END);
  return (end < 0 ? text : text.slice(0, end)).trim();
}

/** `[--watch]`: what may be left out is there. */
const words = (command: string): string[] =>
  [...command.replaceAll(/(^|\s)\[(-[^\]]*)\]/g, "$1$2").matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) =>
    word.replaceAll(/'([^']*)'|"([^"]*)"/g, "$1$2"),
  );
