/** Hits runs at very many points, as npm run test:long does (SWEEP: how many, SEED: which). Goes on where it was stopped. */
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { root, skip } from "../lab/fixture.mts";
import { Disturber, type Moment, type Scenario, type Trial, type Way } from "./disturb.mts";
import { TrustHost } from "./host.mts";
import { randomOf, shuffled } from "./random.mts";
import { record } from "./reliability.mts";

t.setTimeout(0);
const COUNT = Number(process.env["SWEEP"] ?? 200),
  SEED = Number(process.env["SEED"] ?? 1);
const commit = execFileSync("git", ["-C", root, "rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
const cache = join(root, "node_modules/.cache/sampan");
const file = join(cache, `kill-${commit}-${SEED}.ndjson`);

const random = randomOf(SEED);

/** the slow ones less often */
const WAYS: readonly Way[] = [
  "controller",
  "controller",
  "controller",
  "master",
  "master",
  "master",
  "shell",
  "shell",
  "shell",
  "lid",
  "lid",
  "power",
  "blip",
  "link",
];

/** Every command of both scenarios, every second task event, some bytes and some moments; in a random order. */
function points(length: Disturber["length"]): [Scenario, Moment, Way][] {
  return shuffled(
    (["bare", "change"] as const).flatMap((scenario) =>
      [
        ...Array.from({ length: length[scenario].commands }, (_, i) => ({ command: i + 1 })),
        ...Array.from({ length: Math.floor(length[scenario].events / 2) }, (_, i) => ({ event: 2 * i + 1 + random(2) })),
        ...Array.from({ length: 4 }, () => ({ bytes: 1 + random(16_000_000) })),
        ...Array.from({ length: 15 }, () => ({ ms: 300 + random(4000) })),
      ].map((moment): [Scenario, Moment, Way] => [scenario, moment, WAYS[random(WAYS.length)]!]),
    ),
    random,
  );
}

t.test(`runs that are hit anywhere (seed ${SEED})`, { skip }, async (t) => {
  mkdirSync(cache, { recursive: true });
  const done: Trial[] = existsSync(file)
    ? readFileSync(file, "utf8")
        .split("\n")
        .filter(Boolean)
        .map((l) => JSON.parse(l) as Trial)
    : [];
  const disturber = await Disturber.on(await TrustHost.up(t, "sweep"));
  const all = points(disturber.length);
  for (const [i, [scenario, moment, way]] of all.slice(0, COUNT).entries()) {
    if (i >= done.length) {
      const trial = await disturber.trial(scenario, moment, way);
      appendFileSync(file, `${JSON.stringify(trial)}\n`);
      done.push(trial);
    }
    const { where, problems } = done[i]!;
    t.same(problems, [], `${scenario}, ${way}, ${JSON.stringify(moment)}: ${where || "ended before"}`);
  }
  record(done.slice(0, COUNT), { commit, seed: SEED, possible: all.length });
});
