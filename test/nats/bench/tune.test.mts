import fc from "fast-check";
import t from "tap";
import { type Measured, mostTrials, type Search, type Setting, search } from "../../../lib/nats/bench/tune.mts";

const START: Setting = { partitions: 1, window: 1024, batch: 128, workers: 3, publishers: 3 };
const KNOBS: Search["knobs"] = [
  ["partitions", () => [1, 3, 6]],
  ["window", () => [256, 1024, 4096]],
  ["batch", () => [32, 128, 512]],
  ["workers", ({ partitions }) => [Math.max(3, partitions), 2 * Math.max(3, partitions)]],
];
const gives = (rate: number, more: Partial<Measured> = {}): Measured => ({ rate, p99: 10, generator: false, ...more });

/** Saturates in each knob: what lies beyond costs and gives nothing. */
const cluster = ({ partitions, window, batch }: Setting): number =>
  1000 * Math.min(partitions, 3) * Math.min(window, 4096) ** 0.5 * Math.min(batch, 128) ** 0.1;

t.test("turns each knob to where most gets through, and no further than that helps", async (t) => {
  const { best, start, trials } = await search({ start: START, knobs: KNOBS, measure: async (s) => gives(cluster(s)) });
  t.same(best.setting, { partitions: 3, window: 4096, batch: 128, workers: 3, publishers: 3 });
  t.same(start.setting, START);
  t.equal(start.median, cluster(START));
  t.ok(trials.length <= mostTrials({ start: START, knobs: KNOBS }));
  t.equal(
    new Set(trials.filter((x) => x.why !== "final").map((x) => JSON.stringify(x.setting))).size,
    trials.filter((x) => x.why !== "final").length,
    "nothing twice",
  );
});

t.test("bears noise of a tenth: what it takes is within that of the best there is", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      let state = seed >>> 0;
      const noise = (): number => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return 0.9 + (0.2 * state) / 2 ** 32;
      };
      const { best } = await search({ start: START, knobs: KNOBS, measure: async (s) => gives(cluster(s) * noise()) });
      return cluster(best.setting) >= 0.8 * cluster({ ...START, partitions: 3, window: 4096 });
    }),
  );
});

t.test("a setting that loses messages or is refused is never taken, however fast", async (t) => {
  const { best } = await search({
    start: START,
    knobs: KNOBS,
    measure: async (s) => gives(cluster(s) * (s.window === 4096 ? 5 : 1), s.window === 4096 ? { wrong: "3 messages lost" } : {}),
  });
  t.not(best.setting.window, 4096);
});

t.test("when nothing gets through, it says why", async (t) => {
  await t.rejects(search({ start: START, knobs: KNOBS, measure: async () => gives(0, { wrong: "no room for streams" }) }), {
    message: "no setting gets messages through: no room for streams",
  });
});

t.test("of settings alike the cheapest: the start stays when nothing is gained", async (t) => {
  const { best } = await search({ start: START, knobs: KNOBS, measure: async () => gives(1000) });
  t.same(best.setting, { ...START, window: 256, batch: 32 });
});

t.test("a knob that was given is left alone", async (t) => {
  const { trials } = await search({ start: START, knobs: KNOBS.filter(([knob]) => knob !== "partitions"), measure: async (s) => gives(cluster(s)) });
  t.same([...new Set(trials.map((x) => x.setting.partitions))], [1]);
});
