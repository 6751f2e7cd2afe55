#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../lib/boot.sh" "$0" "$@"'
// about: "the hosts of this machine's lab: up, down, status, ssh HOST"
import { main } from "../lib/lab/cli.mts";

process.exitCode = await main(process.argv.slice(2));
