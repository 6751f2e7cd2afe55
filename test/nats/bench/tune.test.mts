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

/** The start and one with a larger window, which is faster; `finals` has the word of their repeats. */
const twoFinalists = (finals: (s: Setting, repeat: number) => Partial<Measured>) => {
  const repeats = new Map<number, number>();
  return search({
    start: START,
    knobs: [["window", () => [1024, 4096]]],
    measure: async (s, why) => {
      if (why !== "final") return gives(s.window);
      const repeat = repeats.get(s.window) ?? 0;
      repeats.set(s.window, repeat + 1);
      return gives(s.window, finals(s, repeat));
    },
  });
};

t.test("a finalist with a worthless round isn't the best while another has none, and why is told", async (t) => {
  const lost = { wrong: "3 messages lost" };
  const { best, finalists } = await twoFinalists((s, repeat) => (s.window === 4096 && repeat === 1 ? lost : {}));
  t.equal(best.setting.window, 1024);
  t.match(finalists, [
    { setting: { window: 4096 }, median: 4096, least: 0, wrong: ["3 messages lost"] },
    { setting: { window: 1024 }, least: 1024, wrong: [] },
  ]);
  const silent = await twoFinalists((s, repeat) => (s.window === 4096 && repeat === 0 ? { rate: 0 } : {}));
  t.equal(silent.best.setting.window, 1024);
  t.same(silent.finalists[0]!.wrong, ["nothing was delivered"]);
  t.equal((await twoFinalists((_, repeat) => (repeat === 2 ? lost : {}))).best.setting.window, 4096, "where all had one, the medians count");
  await t.rejects(
    twoFinalists((_, repeat) => (repeat ? lost : {})),
    { message: "no setting gets messages through again: 3 messages lost" },
  );
});
