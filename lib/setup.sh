#!/bin/sh
# Installs the pinned packages when node_modules is missing or older than the lock file. Safe to run always.
cd "$(dirname "$0")/.." || exit 1
. lib/node.sh
[ node_modules/.package-lock.json -nt package-lock.json ] || exec npm ci --no-audit --no-fund --loglevel=error
