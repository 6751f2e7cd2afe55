/** What tuning may change of the pull way. */
export interface Setting {
  partitions: number;
  /** messages under way, of all publishers together */
  window: number;
  batch: number;
  workers: number;
  publishers: number;
}
export type Knob = keyof Setting;

/** What one short round with a setting gave. */
export interface Measured {
  /** delivered messages per second */
  rate: number;
  /** of the delivery, ms */
  p99: number;
  /** what makes the figure worthless: messages lost, a refusal */
  wrong?: string;
  /** the figure is the generator's limit, not the cluster's */
  generator: boolean;
}
export interface Trial extends Measured {
  setting: Setting;
  /** what it tried: `start`, a knob, or `final` */
  why: "start" | "final" | Knob;
}
export interface Finalist {
  setting: Setting;
  /** of the repeats */
  median: number;
  least: number;
  most: number;
  p99: number;
  /** what made repeats worthless, a line for each of them */
  wrong: string[];
}
export interface Tuned {
  trials: Trial[];
  /** fastest first */
  finalists: Finalist[];
  /** cheapest of the fastest; one of whose rounds was worthless only where all had such a round */
  best: Finalist;
  /** the setting from which it began, measured as often as the best */
  start: Finalist;
}

export interface Search {
  start: Setting;
  /** the knobs in the order in which they are turned, each with its values, the cheapest first */
  knobs: readonly (readonly [Knob, (current: Setting) => readonly number[]])[];
  measure: (setting: Setting, why: Trial["why"], trial: number) => Promise<Measured>;
}

/** A second pass finds what depends on knobs that were turned later. */
const PASSES = 2;
const FINALISTS = 3;
const REPEATS = 3;
/** Rates that differ by less are the same: of them the setting that costs less is taken. */
export const SAME = 0.05;

/** No more rounds than this, whatever it finds. */
export const mostTrials = ({ start, knobs }: Pick<Search, "start" | "knobs">): number =>
  1 + PASSES * knobs.reduce((sum, [, values]) => sum + values(start).length - 1, 0) + FINALISTS * REPEATS;

/**
 * Turns one knob after the other and leaves each where most gets through, twice over; then measures the fastest settings and the first one
 * again in turn, so that a slow moment of the machine hits all alike, and takes the medians.
 * @throws Error when nothing gets through with any setting; what `measure` throws
 */
export async function search({ start, knobs, measure }: Search): Promise<Tuned> {
  const trials: Trial[] = [];
  const tried = async (setting: Setting, why: Trial["why"]): Promise<Trial> => {
    const known = trials.find((t) => keyOf(t.setting) === keyOf(setting));
    if (known) return known;
    const trial = { setting, why, ...(await measure(setting, why, trials.length + 1)) };
    trials.push(trial);
    return trial;
  };
  let best = await tried(start, "start");
  for (let pass = 0; pass < PASSES; pass++) {
    const before = keyOf(best.setting);
    for (const [knob, values] of knobs) {
      const round: Trial[] = [];
      for (const value of values(best.setting)) round.push(await tried(whole({ ...best.setting, [knob]: value }), knob));
      best = cheapestOfFastest(round);
    }
    if (keyOf(best.setting) === before) break;
  }
  const good = trials.filter((t) => !fault(t));
  if (!good.length) throw new Error(`no setting gets messages through: ${trials.map(fault).find(Boolean)}`);
  const tuned = settled(trials, await finals(finalSettings(best, good, trials[0]!), trials, measure), trials[0]!);
  if (!tuned.best.median) throw new Error(`no setting gets messages through again: ${tuned.best.wrong[0]}`);
  return tuned;
}

/** A partition needs a worker, a publisher a place in the window. */
const whole = (setting: Setting): Setting => ({ ...setting, workers: Math.max(setting.workers, setting.partitions) });

const keyOf = (s: Setting): string => [s.partitions, s.window, s.batch, s.workers, s.publishers].join(" ");

/** The values come cheapest first. */
function cheapestOfFastest(round: readonly Trial[]): Trial {
  const most = Math.max(...round.map(worth));
  return round.find((t) => worth(t) >= most * (1 - SAME))!;
}

const fault = (t: Trial): string | undefined => t.wrong ?? (t.rate > 0 ? undefined : "nothing was delivered");

const worth = (t: Trial): number => (t.wrong ? 0 : t.rate);

function finalSettings(best: Trial, good: readonly Trial[], first: Trial): Setting[] {
  const ranked = [best, ...[...good].sort((a, b) => b.rate - a.rate)].filter((t) => good.includes(t) && t !== first);
  const fastest = ranked.filter((t, i) => ranked.indexOf(t) === i).slice(0, FINALISTS - 1);
  return [first, ...fastest].map((t) => t.setting);
}

async function finals(settings: readonly Setting[], trials: Trial[], measure: Search["measure"]): Promise<Finalist[]> {
  const results = settings.map((): Trial[] => []);
  for (let repeat = 0; repeat < REPEATS; repeat++)
    for (const [i, setting] of settings.entries()) {
      const trial: Trial = { setting, why: "final", ...(await measure(setting, "final", trials.length + 1)) };
      trials.push(trial);
      results[i]!.push(trial);
    }
  return settings.map((setting, i) => {
    const rates = results[i]!.map(worth).sort((a, b) => a - b);
    const p99 = middle(results[i]!.map((t) => t.p99).sort((a, b) => a - b));
    return { setting, median: middle(rates), least: rates[0]!, most: rates.at(-1)!, p99, wrong: results[i]!.flatMap((t) => fault(t) ?? []) };
  });
}

const middle = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length / 2)]!;

function settled(trials: Trial[], finalists: Finalist[], first: Trial): Tuned {
  const ranked = [...finalists].sort((a, b) => b.median - a.median);
  const sound = ranked.filter((f) => !f.wrong.length);
  const fastest = (sound[0] ?? ranked[0]!).median;
  const same = (sound.length ? sound : ranked).filter((f) => f.median >= fastest * (1 - SAME));
  const cost = ({ setting: s }: Finalist): number[] => [s.partitions, s.workers, s.publishers, s.window, s.batch];
  const [best] = same.sort((a, b) => compare(cost(a), cost(b)));
  return { trials, finalists: ranked, best: best!, start: finalists.find((f) => keyOf(f.setting) === keyOf(first.setting))! };
}

function compare(a: readonly number[], b: readonly number[]): number {
  const i = a.findIndex((value, k) => value !== b[k]);
  return i < 0 ? 0 : a[i]! - b[i]!;
}
