#!/bin/sh
# Starts a playbook. Says in one line what is missing on a machine that isn't set up yet.
here=$(dirname "$0")
. "$here/node.sh"
[ -d "$here/../node_modules" ] || { echo "sampan: its packages are not installed; run: npm run setup" >&2; exit 3; }
exec node "$here/boot.mjs" "$@"
