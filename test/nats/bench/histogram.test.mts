import fc from "fast-check";
import t from "tap";
import { Histogram } from "../../../lib/nats/bench/histogram.mts";

const of = (values: readonly number[]): Histogram => {
  const h = new Histogram();
  for (const v of values) h.record(v);
  return h;
};

t.test("every percentile is the value of that rank, told a thousandth too high at most and never too low", async () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 400_000_000 }), { minLength: 1, maxLength: 300 }), (us) => {
      const sorted = [...us].sort((a, b) => a - b);
      const s = of(us.map((v) => v / 1000)).summary();
      const near = (told: number, p: number): boolean => {
        const real = sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)]! / 1000;
        return told >= real - 1e-9 && told <= real * 1.001 + 0.0011;
      };
      return (
        s.count === us.length &&
        near(s.p50, 50) &&
        near(s.p90, 90) &&
        near(s.p99, 99) &&
        near(s.p999, 99.9) &&
        near(s.max, 100) &&
        near(s.distribution.at(-1)!.ms, 100)
      );
    }),
  );
});

t.test("a distribution rises, and what is beyond the range is told as its end", async (t) => {
  const { distribution, max } = of([0, 1, 5, 5, 40, 1e9]).summary();
  for (const [i, point] of distribution.entries()) if (i > 0) t.ok(point.ms >= distribution[i - 1]!.ms && point.percentile > distribution[i - 1]!.percentile);
  t.ok(max > 536_000 && max < 537_000, `${max}`);
});

t.test("those of several threads add up", async (t) => {
  const one = of([1, 2, 3]);
  one.add(of([100, 200, 300]));
  t.same(one.counts, of([1, 2, 3, 100, 200, 300]).counts);
});
