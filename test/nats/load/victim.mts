// A run that its test kills: reads the target on stdin.
import { text } from "node:stream/consumers";
import { openLoad } from "../../../lib/nats/load/open.mts";
import { pullTest } from "../../../lib/nats/load/pull.mts";
import type { ClusterTarget } from "../../../lib/nats/target.mts";
import { Secret } from "../../../lib/secret.mts";

const { app, ...rest } = JSON.parse(await text(process.stdin)) as Omit<ClusterTarget, "app" | "sys"> & { app: string };
const credential = { nkeySeed: new Secret(app) };
const load = await openLoad({ ...rest, app: credential, sys: credential }, { workers: 1 });
await pullTest(load, { rate: 100, seconds: 60, replicas: 3, id: "victim" });
