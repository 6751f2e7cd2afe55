#!/bin/sh
# npm run test:long [COUNT]: the sweep over runs that are hit anywhere, long rounds of the random tests, and a backup of 1 GB. Takes about an hour. Stopped
# and run again, the sweep goes on where it was. SEED=n draws other points. The result goes into docs/reliability.md.
cd "$(dirname "$0")/.." || exit 1
sh test/setup.sh
export SWEEP="${1:-200}" DRIFT_ROUNDS=40 HONEST_RUNS=1000 BACKUP_MB=1000
node_modules/.bin/tap run --disable-coverage --no-typecheck --timeout=0 --jobs=1 test/trust/sweep.mts test/trust/drift.test.mts test/resources/honest.test.mts test/nats/backup/size.test.mts
