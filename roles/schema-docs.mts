#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../node_modules/.bin/tsx" "$0" "$@"'
/** Writes schema/*.json, which editors read, from the schema of the roles: `npm run docs`. */
import { writeFileSync } from "node:fs";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { connection } from "../lib/inventory/connection.mts";
import { hostsSchema, type JsonSchema, varsSchema } from "../lib/inventory/json-schema.mts";
import { schema } from "./schema.mts";

const entries = { ...connection, ...schema.entries };
const page = (title: string, body: JsonSchema): string =>
  `${JSON.stringify({ $schema: "http://json-schema.org/draft-07/schema#", title, $comment: "Made by `npm run docs`", ...body }, null, 1)}\n`;

/** The files by name, as they should be. */
export const SCHEMAS: Readonly<Record<string, string>> = {
  "hosts.json": page("hosts.yml of a sampan inventory", hostsSchema(entries)),
  "vars.json": page("group_vars and host_vars of a sampan inventory", varsSchema(entries)),
};
export const folder = fileURLToPath(new URL("../schema/", import.meta.url));

if (argv[1] === fileURLToPath(import.meta.url)) for (const [name, text] of Object.entries(SCHEMAS)) writeFileSync(folder + name, text);
