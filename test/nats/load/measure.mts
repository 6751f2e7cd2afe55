// What this machine gives: three real servers (TLS, nkeys) and the load on the same cores. tsx measure.mts push|pull RATE [SECONDS [WINDOW [BATCH [VERSION]]]]
import { judge } from "../../../lib/nats/load/judge.mts";
import { pullTest } from "../../../lib/nats/load/pull.mts";
import { pushTest } from "../../../lib/nats/load/push.mts";
import { bed, jetstreamReady } from "./cluster.mts";

const [kind = "push", rate = "20000", seconds = "3", window, batch = "128", version = "2.15.1"] = process.argv.slice(2);
const b = await bed(version);
try {
  await jetstreamReady(b.stranger);
  const options = { rate: Number(rate), seconds: Number(seconds), ...(Number(window) > 0 && { window: Number(window) }) };
  const result =
    kind === "pull" ? await pullTest(await b.open(3), { ...options, replicas: 3, batch: Number(batch) }) : await pushTest(await b.open(6), options);
  for (const line of judge(result).lines) console.log(`${line.status.padEnd(6)} ${line.check}: ${line.text}`);
  console.log(JSON.stringify({ rate: result.rate, latency: result.latency }));
} finally {
  await b.stop();
}
