#!/bin/sh
# Installs by apt what the tests use beside the product's own needs, and only what is missing. Asks nothing; safe to run always.
# A test whose tool could not be installed skips itself and says so.
missing=
need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
need bash bash
need busybox busybox-static
need shellcheck shellcheck
need chattr e2fsprogs
need setpriv util-linux
need chromium chromium
need zsh zsh
need fish fish
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "test set-up: not installed:$missing (needs root and apt)" >&2
  exit 0
fi
echo "test set-up: installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of words
install() { apt-get install -qq -y --no-install-recommends $missing >/dev/null 2>&1; }
install || { apt-get update -qq && install; } || echo "test set-up: apt could not install$missing; the tests that need it skip" >&2
exit 0
