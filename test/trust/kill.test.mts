import t from "tap";
import { skip } from "../lab/fixture.mts";
import { Disturber, type Moment, type Scenario, type Way } from "./disturb.mts";
import { TrustHost } from "./host.mts";

t.setTimeout(900_000);

/** Where it hurts most, with each way at least once; `npm run test:long` hits everywhere. A number from 0 to 1 is a share of the run's commands. */
const HITS: readonly (readonly [scenario: Scenario, moment: Moment | number, way: Way, what: string])[] = [
  ["bare", 0.06, "controller", "between two sysctls"],
  ["bare", 0.25, "shell", "while the user and the folders are made"],
  ["bare", { bytes: 5_000_000 }, "controller", "in the middle of the push of 20 MB"],
  ["bare", { bytes: 15_000_000 }, "link", "in the middle of the push, and the controller waits until it gives up"],
  ["bare", 0.75, "lid", "between files, and the host never hears of the controller's end"],
  ["bare", 0.95, "shell", "while the service starts"],
  ["change", { event: 1 }, "controller", "at the first step"],
  ["change", { bytes: 3_000_000 }, "master", "in the middle of the push of another version"],
  ["change", 0.4, "power", "between files"],
  ["change", 0.6, "blip", "between files, for a moment only"],
  ["change", { ms: 1200 }, "master", "somewhere"],
  ["change", 0.97, "controller", "when the restart is due"],
];

t.test("a run that is hit leaves nothing behind, and the next one brings the host where an undisturbed one would have", { skip }, async (t) => {
  const disturber = await Disturber.on(await TrustHost.up(t, "kill"));
  for (const [scenario, when, way, what] of HITS) {
    t.test(`${scenario}, ${way}: ${what}`, async (t) => {
      const moment = typeof when === "number" ? { command: Math.ceil(when * disturber.length[scenario].commands) } : when;
      const { where, problems } = await disturber.trial(scenario, moment, way);
      t.not(where, "", "the run got there");
      t.same(problems, [], where);
    });
  }
});
