#!/bin/sh
# npm test: installs what the tests use, then types, then all tests. Ends with the real counts.
# Arguments are test files (default: all). Two files at once; a file may take long on a busy machine, but not for ever.
cd "$(dirname "$0")/.." || exit 1
sh test/setup.sh
[ $# -gt 0 ] || {
  node_modules/.bin/tsc --noEmit || exit 1
  # One build of the root file system and of the bundle before the tests need them side by side.
  [ "$(id -u)" != 0 ] || ./playbooks/lab.mts up --region warm-up --single || exit 1
  [ "$(id -u)" != 0 ] || ./playbooks/lab.mts down --region warm-up || exit 1
  # shellcheck disable=SC2046 # file names of ours, without spaces
  set -- $(find test -name '*.test.mts' | sort)
}
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
{ node_modules/.bin/tap run --disable-coverage --no-typecheck --reporter=tap --timeout=900 --jobs=2 "$@"; echo "status $?"; } 2>&1 |
  tee "$log" | grep --line-buffered -E '^(ok|not ok|#|status|[^ ].*Error)|^ +not ok' | grep --line-buffered -vE '^# (Subtest|No coverage|\{|time)|^status'
status=$(sed -n 's/^status //p' "$log" | tail -n 1)
if [ "$status" != 0 ]; then
  echo "--- what failed"
  grep -nE -A 25 '^ +not ok' "$log" | head -n 400
fi
# `# { total: 9, pass: 7, fail: 1, skip: 1 }` is tap's own count of assertions
count() { sed -n "s/^# {.* $1: \([0-9]*\).*}\$/\1/p" "$log" | tail -n 1; }
skipped=$(count skip)
echo "$(count pass) passed, $(count fail | grep . || echo 0) failed${skipped:+, $skipped skipped}"
exit "${status:-1}"
