#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../lib/boot.sh" "$0" "$@"'
// about: "shows a cluster as it is now: nodes, streams, consumers, rates, and what is wrong with what to do"
import { main } from "../roles/status/main.mts";

const status = await main(process.argv[1]!, process.argv.slice(2));
// Not before all output has been taken; connections that hang would keep the process for longer.
process.stdout.write("", () => process.exit(status));
