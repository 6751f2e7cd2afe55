/** Writes the table of docs/kernel-tuning.md from the data: `npx tsx roles/kernel-tuning/docs.mts`. */
import { readFileSync, writeFileSync } from "node:fs";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { SYSCTLS } from "./sysctls.mts";

export const PAGE = fileURLToPath(new URL("../../docs/kernel-tuning.md", import.meta.url));

/** The page as it is, with its table as it should be. */
export function page(): string {
  const rows = SYSCTLS.map(({ name, kernel, value, why, source }) => `| \`${name}\` | ${kernel} | ${value} | ${why} | [↗](${source}) |`);
  const table = ["| Sysctl | Kernel's default | Ours | Why | Source |", "|---|---|---|---|---|", ...rows].join("\n");
  return readFileSync(PAGE, "utf8").replace(/(<!-- sysctls: .*-->\n)[^]*(<!-- \/sysctls -->)/, (_, start: string, end: string) => `${start}${table}\n${end}`);
}

if (argv[1] === fileURLToPath(import.meta.url)) writeFileSync(PAGE, page());
