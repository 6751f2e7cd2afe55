import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";
import type { Event, EventInput } from "../../../lib/engine/events.mts";
import { type MigrationState, writeState } from "../../../lib/nats/backup/migration.mts";
import { connectApp, type NatsConnection } from "../../../lib/nats/connect.mts";
import type { Source } from "../../../lib/nats/source.mts";
import { Run } from "../../../lib/playbook/run.mts";
import { Secret } from "../../../lib/secret.mts";
import type { Cluster } from "../../../roles/cluster.mts";
import { placeOf } from "../../../roles/migrate/options.mts";
import type { SiteRun } from "../../../roles/site.mts";
import { consumer, create, fill, ready } from "../../nats/backup/fixture.mts";
import { PASSWORD, TestCluster } from "../../nats/servers.mts";

/** An old server and a new one on loopback, and a run over the new one that reaches no host. */
export interface Move {
  old: TestCluster;
  nc: NatsConnection;
  source: Source;
  cluster: Cluster;
  dir: string;
  run(check?: boolean): SiteRun & { events: Event[] };
  /** done between an event of the run and the next connection to the new server */
  on(when: (event: EventInput) => boolean, what: () => Promise<unknown>): void;
  state(stage: MigrationState["stage"]): void;
}

export async function move(t: Test, version = "2.10.27"): Promise<Move> {
  const dir = join(mkdtempSync(join(tmpdir(), "sampan-migrate-")), "m");
  t.teardown(() => rmSync(join(dir, ".."), { recursive: true, force: true }));
  const [old, now] = await Promise.all([TestCluster.start(version, 1), TestCluster.start("2.15.1", 1)]);
  t.teardown(async () => {
    await Promise.all([old.stop(), now.stop()]);
  });
  const nc = await connectApp(old.target);
  t.teardown(() => nc.close());
  await ready(nc, 1);
  const target = await connectApp(now.target);
  await ready(target, 1);
  await target.close();
  await create(nc, "A");
  await consumer(nc, "A", "w");
  await fill(nc, 50, (i) => `A.${i % 3}`);
  const source = {
    host: "127.0.0.1",
    port: old.server("n1").ports.client,
    credential: { user: "app", password: new Secret(PASSWORD) },
    ca: old.target.tls!.ca,
  };

  let waits: { when: (event: EventInput) => boolean; what: () => Promise<unknown> }[] = [],
    busy: Promise<unknown> = Promise.resolve();
  const see = (event: EventInput): void => {
    for (const { what } of waits.filter((w) => w.when(event))) busy = what();
    waits = waits.filter((w) => !w.when(event));
  };
  const vars = {
    users: [{ name: "app", account: "APP", password: new Secret(PASSWORD) }],
    streams: [],
    nats_version: "2.15.1",
    jetstream: { max_file: "1GB", store_dir: join(dir, "none") },
  };
  const cluster: Cluster = {
    name: "test",
    region: "test",
    hosts: [{ name: "n1", vars }] as unknown as Cluster["hosts"],
    target: now.target,
    emit: () => {},
    outputs: new Map(),
    connect: {
      dial: async (node) => {
        await busy;
        return node;
      },
    },
    originOf: () => ({ file: "", line: 0 }),
  };
  return {
    old,
    nc,
    source,
    cluster,
    dir,
    on: (when, what) => {
      waits.push({ when, what });
    },
    state: (stage) => {
      writeState(dir, { source: placeOf(source), stage, configs: {} });
    },
    run(check = false) {
      const events: Event[] = [];
      const reporter = {
        event: (event: Event) => {
          events.push(event);
          see(event);
        },
      };
      const run = new Run({
        playbook: "migrate",
        options: { check, roles: [], startAtTask: undefined, forks: 1 },
        hosts: [],
        inventory: { hosts: [] },
        writes: false,
        reporter,
        storeDir: () => "",
        checkFacts: () => [],
      } as unknown as ConstructorParameters<typeof Run>[0]);
      return Object.assign(run as unknown as SiteRun, { events });
    },
  };
}

/** What failed, a line each. */
export const failures = ({ events }: { events: Event[] }): string[] =>
  events.flatMap((e) => (e.type === "task_end" && e.failure ? [`${e.task}: ${e.failure.what}. ${e.failure.next ?? ""}`] : []));
