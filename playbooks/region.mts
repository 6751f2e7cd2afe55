#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../lib/boot.sh" "$0" "$@"'
// about: "makes the inventory of a new region from what its hosts tell (new), or compares one with its hosts (check)"
import { main } from "../roles/region/main.mts";

// What was begun is taken back by the exit handlers: a region is written as a whole, or not at all.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(130));
const status = await main(process.argv.slice(2));
process.stdout.write("", () => process.exit(status));
