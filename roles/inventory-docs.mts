#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../node_modules/.bin/tsx" "$0" "$@"'
/** Writes docs/inventory.md from the schema: `npm run docs`. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { connection } from "../lib/inventory/connection.mts";
import { keyDocs, table } from "../lib/inventory/docs.mts";
import { SYSCTLS } from "./kernel-tuning/sysctls.mts";
import { roles } from "./schema.mts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
export const PAGE = here("../docs/inventory.md");

/** The page's text: docs/inventory.head.md, then every key as the schema tells it. */
export function page(): string {
  const sysctls = [
    "The default sysctls:",
    "",
    "| Sysctl | Default | Why |",
    "|---|---|---|",
    ...SYSCTLS.map(({ name, value, why }) => `| \`${name}\` | \`${value}\` | ${why} |`),
    "",
  ].join("\n");
  return [
    "<!-- Made by `npm run docs` from docs/inventory.head.md and the schema in roles/*/defaults.mts: change those. -->",
    readFileSync(here("../docs/inventory.head.md"), "utf8").trimEnd(),
    "",
    "## The connection",
    "",
    table(keyDocs(connection)),
    ...Object.entries(roles).flatMap(([name, entries]) => [`## Role ${name}`, "", table(keyDocs(entries)), ...(name === "kernel-tuning" ? [sysctls] : [])]),
  ].join("\n");
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(here("../docs"), { recursive: true });
  writeFileSync(PAGE, page());
}
