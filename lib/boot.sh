#!/bin/sh
# Starts a playbook with node and the TypeScript loader in one process (the tsx command would start two).
# Says in one line what is missing on a machine that isn't set up yet.
here=$(dirname "$0")
command -v node >/dev/null 2>&1 || { echo "sampan: node is not installed; install Node.js 20.6 or later" >&2; exit 3; }
loader=$here/../node_modules/tsx/dist/esm/index.mjs
[ -f "$loader" ] || { echo "sampan: its packages are not installed; run: npm run setup" >&2; exit 3; }
exec node --enable-source-maps --import "$loader" "$@"
