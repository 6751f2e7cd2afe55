import fc from "fast-check";
import t from "tap";
import { cpuNumbers, durationNs, sizeBytes } from "../../lib/inventory/units.mts";

// As nats-server's conf/parse.go reads them.
const sizes: [string | number, number | undefined][] = [
  ["1024", 1024],
  [1024, 1024],
  ["1k", 1000],
  ["1K", 1000],
  ["1kb", 1024],
  ["1KiB", 1024],
  ["2MB", 2 * 1024 ** 2],
  ["10GB", 10 * 1024 ** 3],
  ["1g", 1e9],
  ["1TB", 1024 ** 4],
  ["1 GB", 1024 ** 3],
  ["1.5GB", undefined],
  ["GB", undefined],
  ["-1", undefined],
  ["10 gigs", undefined],
  ["", undefined],
  [1.5, undefined],
  [-1, undefined],
];
for (const [text, bytes] of sizes) t.test(`size ${JSON.stringify(text)}`, async (t) => t.equal(sizeBytes(text), bytes));

// As Go's time.ParseDuration reads them.
const durations: [string, number | undefined][] = [
  ["30s", 30e9],
  ["1h30m", 5400e9],
  ["1.5h", 5400e9],
  ["250ms", 250e6],
  ["10us", 10e3],
  ["10µs", 10e3],
  ["5ns", 5],
  ["0", 0],
  ["0s", 0],
  ["8760h", 31536000e9],
  ["30", undefined],
  ["1d", undefined],
  ["1h 30m", undefined],
  ["s", undefined],
  ["", undefined],
  ["-1s", undefined],
  ["1S", undefined],
];
for (const [text, ns] of durations) t.test(`duration ${JSON.stringify(text)}`, async (t) => t.equal(durationNs(text), ns));

const lists: [string, number[] | undefined][] = [
  ["2-4", [2, 3, 4]],
  ["0,2-3", [0, 2, 3]],
  ["5", [5]],
  ["3,1-2", [1, 2, 3]],
  ["4-2", undefined],
  ["a", undefined],
  ["", undefined],
  ["1,", undefined],
  ["1-2-3", undefined],
];
for (const [text, cpus] of lists) t.test(`CPU list ${JSON.stringify(text)}`, async (t) => t.strictSame(cpuNumbers(text), cpus));

t.test("a list of CPUs survives being written and read", async (t) =>
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 999 }), { minLength: 1 }), (cpus) => {
      t.strictSame(
        cpuNumbers(cpus.join(",")),
        [...cpus].sort((a, b) => a - b),
      );
    }),
    { numRuns: 50 },
  ),
);
