#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../node_modules/.bin/tsx" "$0" "$@"'
/** Writes docs/inventory.md from the schema: `npm run docs`. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { connection } from "../lib/inventory/connection.mts";
import { type KeyDoc, keyDocs, table } from "../lib/inventory/docs.mts";
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
    ...Object.entries(roles).flatMap(([name, entries]) => [`## Role ${name}`, "", ...tables(keyDocs(entries)), ...(name === "kernel-tuning" ? [sysctls] : [])]),
  ].join("\n");
}

/** Lists whose items have many keys of their own: each gets its heading and table. */
const APART: readonly (readonly [prefix: string, heading: string])[] = [
  ["streams[].consumers[].", "A consumer: `streams[].consumers[]`"],
  ["streams[].sources[].", "A source: `streams[].sources[]`"],
  ["streams[].mirror.", "A mirror: `streams[].mirror`"],
];

/** One table, and one for each list apart from it. */
function tables(keys: readonly KeyDoc[]): string[] {
  const apart = (key: KeyDoc): string | undefined => APART.find(([prefix]) => key.key.startsWith(prefix))?.[0];
  return [
    table(keys.filter((k) => !apart(k))),
    ...APART.flatMap(([prefix, heading]) => {
      const own = keys.filter((k) => apart(k) === prefix);
      return own.length ? [`### ${heading}`, "", table(own)] : [];
    }),
  ];
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(here("../docs"), { recursive: true });
  writeFileSync(PAGE, page());
}
