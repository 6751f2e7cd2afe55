import t from "tap";
import { json, SCHEMA } from "../../lib/report/json.mts";
import { Secret } from "../../lib/secret.mts";
import { golden } from "./golden.mts";
import { rollout } from "./rollout.mts";
import { Pipe } from "./screen.mts";

t.test("one JSON object per line, each event as it was emitted", async (t) => {
  const stdout = new Pipe();
  const events = rollout({ broken: true, hosts: 4 });
  const reporter = json({ stdout });
  for (const e of events) reporter.event(e);
  reporter.end();
  const lines = stdout.text.split("\n");
  t.equal(lines.pop(), "", "a newline at the end");
  t.same(
    lines.map((l) => JSON.parse(l) as unknown),
    events.map((e) => (e.type === "run_start" ? { ...e, schema: SCHEMA } : e)),
  );
});

t.test("the first line carries the schema's version", async (t) => {
  const stdout = new Pipe();
  json({ stdout }).event(rollout()[0]!);
  t.match(stdout.text, /^{"type":"run_start","schema":1,/);
});

t.test("a whole run as NDJSON", async (t) => {
  const stdout = new Pipe();
  const reporter = json({ stdout });
  for (const e of rollout({ hosts: 1, mode: "check" })) reporter.event(e);
  golden(t, "check.ndjson", stdout.text.replaceAll(process.cwd(), "/site"));
});

t.test("a Secret in the facts prints ***", async (t) => {
  const stdout = new Pipe();
  json({ stdout }).event({ type: "host_connected", at: 1, lane: "a", ms: 1, facts: { token: new Secret("hunter2"), list: [new Secret("hunter2")] } });
  t.match(stdout.text, `"facts":{"token":"***","list":["***"]}`);
  t.notMatch(stdout.text, "hunter2");
});

t.test("a number too big for JSON doesn't end the run", async (t) => {
  const stdout = new Pipe();
  json({ stdout }).event({ type: "host_connected", at: 1, lane: "a", ms: 1, facts: { bytes: 2n ** 63n } });
  t.match(stdout.text, `"bytes":"9223372036854775808"`);
});
