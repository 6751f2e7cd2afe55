import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { SavedStream } from "../../../lib/nats/backup/manifest.mts";
import { save } from "../../../lib/nats/backup/save.mts";
import { connectApp, type NatsConnection } from "../../../lib/nats/connect.mts";
import { JetStreamApiError } from "../../../lib/nats/errors.mts";
import { streamInfo } from "../../../lib/nats/jetstream/api.mts";
import { replace } from "../../../roles/restore/replace.mts";
import { create, fill, folder, ready } from "../../nats/backup/fixture.mts";
import { TestCluster } from "../../nats/servers.mts";

t.setTimeout(300_000);

/** What happens after a request was answered, before the answer is here; or, `before`, instead of it. */
type After = (subject: string, body: string) => Promise<unknown>;
interface Meddler {
  before?: (subject: string) => void;
  after?: After;
}

const watched = (nc: NatsConnection, { before = () => {}, after = async () => {} }: Meddler): NatsConnection =>
  new Proxy(nc, {
    get(target, key) {
      if (key === "request")
        return async (subject: string, body: string, options: object) => {
          before(subject);
          const answer = await target.request(subject, body, options as never);
          await after(subject, String(body));
          return answer;
        };
      const value = Reflect.get(target, key) as unknown;
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });

/** A stream A of ten messages that are saved and five later ones, and a run that puts the ten back while others meddle. */
async function replacing(
  t: Test,
  version: string,
  config: object,
  meddler: (nc: NatsConnection) => Meddler,
  then: (nc: NatsConnection, error: Error, side: string) => Promise<void>,
): Promise<void> {
  const dir = join(folder(t), "b"),
    side = `${dir}-side`;
  mkdirSync(dir);
  await TestCluster.with(version, 1, async (servers) => {
    const nc = await connectApp(servers.target);
    await ready(nc, 1);
    await create(nc, "O");
    await fill(nc, 10, () => "O.x");
    await create(nc, "A", config);
    const writes = !("mirror" in config);
    if (writes) await fill(nc, 10, () => "A.x");
    const saved = (await save(nc, "APP", "A", join(dir, "a"), "a")) as SavedStream;
    if (writes) await fill(nc, 5, () => "A.later");
    const error = await replace(watched(nc, meddler(nc)), { dir, saved, side, about: { cluster: "test", servers: {} }, warn: () => {}, replicas: 1 }).then(
      () => new Error("no error"),
      (e: Error) => e,
    );
    t.ok(existsSync(join(side, "manifest.json")), "what was there before is kept");
    await then(nc, error, side);
    await nc.close();
  });
}

for (const version of ["2.10.27", "2.15.1"]) {
  t.test(`a stream that an application makes in between stays: ${version}`, async (t) => {
    let made = false;
    const app =
      (nc: NatsConnection): After =>
      async (subject) => {
        if (subject !== "$JS.API.STREAM.DELETE.A" || made) return;
        made = true;
        await create(nc, "A");
        await fill(nc, 7, () => "A.app");
      };
    await replacing(
      t,
      version,
      {},
      (nc) => ({ after: app(nc) }),
      async (nc, error, side) => {
        t.equal((await streamInfo(nc, "A"))?.state.messages, 7, "nothing that was acknowledged is lost");
        t.match(error.message, /stream A .*is left alone/);
        t.ok(error.message.includes(side), "and it says where the one before is");
        t.notMatch(error.message, /before is back/);
        t.match(error, { next: new RegExp(`--from ${side} .*--replace`) });
      },
    );
  });
}

t.test("a stream that is open to publishers stays, though nobody heard that it is", async (t) => {
  let opened = false;
  const lost =
    (nc: NatsConnection): After =>
    async (subject, body) => {
      if (subject !== "$JS.API.STREAM.UPDATE.A" || /sampan\.frozen/.test(body)) return;
      if (!opened) await fill(nc, 7, () => "A.app");
      opened = true;
      throw new Error("the answer is lost");
    };
  await replacing(
    t,
    "2.15.1",
    {},
    (nc) => ({ after: lost(nc) }),
    async (nc, error, side) => {
      t.equal((await streamInfo(nc, "A"))?.state.messages, 17);
      t.match(error.message, /is left alone/);
      t.ok(error.message.includes(side));
    },
  );
});

t.test("a stream that can't be removed is opened again", async (t) => {
  const before = (subject: string): void => {
    if (subject === "$JS.API.STREAM.DELETE.A") throw new JetStreamApiError("stream A", { code: 503, err_code: 1, description: "not now" });
  };
  await replacing(
    t,
    "2.15.1",
    {},
    () => ({ before }),
    async (nc, error) => {
      const now = (await streamInfo(nc, "A"))!;
      t.same([now.state.messages, now.config["subjects"]], [15, ["A.>"]]);
      t.match(error.message, /not now.*The stream that was there before is back/);
    },
  );
});

t.test("a mirror, which nothing marks as half restored", async (t) => {
  const mirror = { mirror: { name: "O" } };
  await t.test("that somebody else made stays", async (t) => {
    const other =
      (nc: NatsConnection): After =>
      async (subject) => {
        if (subject === "$JS.API.STREAM.DELETE.A") await create(nc, "A", { ...mirror, description: "another" });
      };
    await replacing(
      t,
      "2.15.1",
      mirror,
      (nc) => ({ after: other(nc) }),
      async (nc, error) => {
        t.equal((await streamInfo(nc, "A"))?.config["description"], "another");
        t.match(error.message, /is left alone/);
      },
    );
  });
  await t.test("that this run was restoring goes, and the one before comes back", async (t) => {
    let stage: "before" | "restoring" | "broken" = "before";
    const after: After = async (subject) => {
      if (subject === "$JS.API.STREAM.RESTORE.A" && stage === "before") stage = "restoring";
      if (subject !== "$JS.API.STREAM.INFO.A" || stage !== "restoring") return;
      stage = "broken"; // it stands there
      throw new JetStreamApiError("stream A", { code: 500, err_code: 1, description: "a fault" });
    };
    await replacing(
      t,
      "2.15.1",
      mirror,
      () => ({ after }),
      async (nc, error) => {
        t.match(error.message, /a fault.*The stream that was there before is back/);
        t.ok((await streamInfo(nc, "A"))?.config["mirror"]);
      },
    );
  });
});
