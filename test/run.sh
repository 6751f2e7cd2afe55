#!/bin/sh
# npm test: installs what the tests use, then types, lint and format, then all tests. Ends with the real counts.
# Arguments are test files (default: all). Two files at once; a file may take long on a busy machine, but not for ever.
# A few files that failed beside others run once more, alone, and it is said which: real servers on two cores get in each other's way.
cd "$(dirname "$0")/.." || exit 1
sh test/setup.sh
[ $# -gt 0 ] || {
  node_modules/.bin/tsc --noEmit || exit 1
  node_modules/.bin/biome check . || exit 1
  # One build of the root file system before the tests need it side by side.
  [ "$(id -u)" != 0 ] || { ./playbooks/lab.mts up --region warm-up --single && ./playbooks/lab.mts down --region warm-up; } || exit 1
  # shellcheck disable=SC2046 # file names of ours, without spaces
  set -- $(find test -name '*.test.mts' | sort)
}
logs=$(mktemp -d) || exit 1
trap 'rm -rf "$logs"' EXIT

tests() { # LOG JOBS FILE…: one line a file, and what failed
  log=$1 jobs=$2
  shift 2
  { node_modules/.bin/tap run --disable-coverage --no-typecheck --reporter=tap --timeout=1200 --jobs="$jobs" "$@"; echo "status $?"; } 2>&1 |
    tee "$log" | grep --line-buffered -E '^(ok|not ok)|^ +not ok'
  [ "$(sed -n 's/^status //p' "$log" | tail -n 1)" = 0 ]
}
# `# { total: 9, pass: 7, fail: 1, skip: 1 }` is tap's own count of assertions
count() { n=$(sed -n "s/^# {.* $2: \([0-9]*\).*}\$/\1/p" "$1" | tail -n 1); echo "${n:-0}"; }

if tests "$logs/1" 2 "$@"; then failed=0; else failed=1; fi
passed=$(count "$logs/1" pass) wrong=$(count "$logs/1" fail) skipped=$(count "$logs/1" skip)
again=$(sed -n 's/^not ok [0-9]* - \(test\/[^ ]*\).*/\1/p' "$logs/1")
if [ "$failed" = 1 ]; then
  echo "--- what failed"
  grep -nE -A 25 '^ +not ok' "$logs/1" | head -n 400
  # shellcheck disable=SC2086 # file names of ours
  set -- $again
  if [ $# -gt 0 ] && [ $# -le 5 ]; then
    echo "--- once more, alone: $*"
    if tests "$logs/2" 1 "$@"; then failed=0; fi
    passed=$((passed + $(count "$logs/2" pass))) wrong=$(count "$logs/2" fail)
    [ "$failed" = 0 ] || grep -nE -A 25 '^ +not ok' "$logs/2" | head -n 400
  fi
fi
[ "$failed" = 0 ] || [ "$wrong" != 0 ] || wrong=1
echo "$passed passed, $wrong failed, $skipped skipped"
exit "$failed"
