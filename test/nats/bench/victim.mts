// A run whose process its test kills: reads the job on stdin, as the generator does.
import { text } from "node:stream/consumers";
import { type Job, targetOf } from "../../../lib/nats/bench/job.mts";
import { runBench } from "../../../lib/nats/bench/run.mts";

const job = JSON.parse(await text(process.stdin)) as Job;
await runBench(targetOf(job).target, job.spec);
