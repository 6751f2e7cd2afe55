/** Plays a rollout without hosts, to look at the displays: `tsx test/report/demo.mts bare|noop|check|broken|interrupted [hosts] [flags]`. */
import { parseArgs } from "node:util";
import { reporters } from "../../lib/report/index.mts";
import { rollout } from "./rollout.mts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    speed: { type: "string", default: "1" },
    until: { type: "string" },
    json: { type: "boolean" },
    verbose: { type: "boolean", short: "v" },
    diff: { type: "boolean" },
    report: { type: "string" },
    junit: { type: "string" },
    crash: { type: "boolean" },
  },
});
const [name = "bare", hosts = "3"] = positionals;
const { speed, until, crash, ...wanted } = values;
const reporter = await reporters(wanted);
const events = rollout({ hosts: Number(hosts), mode: name === "check" ? "check" : "apply", [name]: true });
const [from, began] = [events[0]!.at, Date.now()];
const shift = began - from;
for (const e of events) {
  const wait = (e.at - from) / Number(speed) - (Date.now() - began);
  if (wait > 1) await new Promise((r) => setTimeout(r, wait));
  if (until && e.at - from > Number(until)) {
    if (crash) throw new Error("crash on purpose");
    await new Promise((r) => setTimeout(r, 60_000));
  }
  reporter.event({ ...e, at: speed === "1" ? e.at + shift : e.at });
}
reporter.end();
