import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { waitUntilSafe } from "../../lib/nats/gate.mts";
import { skip } from "../lab/fixture.mts";
import { certificates } from "../nats/certificates.mts";
import { until } from "../nats/until.mts";
import { exits, type Result } from "../support/result.mts";
import { siteLab } from "../support/site.mts";

t.setTimeout(900_000);

const CONF = "/etc/nats/nats-server.conf";
const failed = (run: Result): string[] => run.ends("failed").map((e) => e.task);

t.test("verify finds what is broken, and names it", { skip }, async (t) => {
  const site = await siteLab(t, "verify");
  const [one, two, three] = site.names as [string, string, string];
  // A server that hung for a while tells that as its routes' round trip until it next asks for one.
  site.vars("verify: { rate: 1000, seconds: 1, thresholds: { route_rtt: 60s } }\nlame_duck_grace_period: 1s\n");
  await site.rollout();
  const nc = await site.app(t);
  const api = async (subject: string, body: object): Promise<void> => {
    const { error } = (await nc.request(`$JS.API.${subject}`, JSON.stringify(body), { timeout: 20_000 })).json<{ error?: object }>();
    if (error) throw new Error(JSON.stringify(error));
  };
  /** Again and again while a stream looks for a new leader. */
  const publish = async (count: number): Promise<void> => {
    for (let left = count; left > 0; )
      await nc.request("logs.test", "x", { timeout: 1000 }).then(
        () => left--,
        () => sleep(200),
      );
  };

  /** site.mts itself mends it, or throws. */
  const rollout = () => site.rollout();

  /** Breaks, looks, mends, looks again. `wanted` are tasks that must fail. */
  const fault = (
    what: string,
    broken: () => Promise<unknown>,
    mend: () => Promise<unknown>,
    wanted: readonly RegExp[],
    also?: (t: Test, run: Result) => unknown,
  ): void => {
    t.test(what, async (t) => {
      try {
        await broken();
        const run = await site.run("--role", "verify");
        exits(t, run, 1);
        for (const task of wanted)
          t.ok(
            failed(run).some((f) => task.test(f)),
            `${task} among ${failed(run).join(", ")}`,
          );
        await also?.(t, run);
      } finally {
        await mend();
      }
      if (mend === rollout) return; // it has verified
      await waitUntilSafe(site.target, {}, { settleMs: 500, timeoutMs: 120_000 });
      exits(t, await site.run("--role", "verify"), 0);
    });
  };
  fault(
    "a stopped node",
    () => site.sh(two, "systemctl stop nats-server"),
    () => site.sh(two, "systemctl start nats-server"),
    [new RegExp(`^node answers: ${two}$`), /^replicas current: LOGS$/, new RegExp(`^routes to all peers: ${one}$`)],
    async (t, run) => {
      t.notOk(
        failed(run).some((f) => f === `node answers: ${one}` || f === `node answers: ${three}`),
        "the others answer",
      );
      t.match(
        await site.show("--role", "verify"),
        { status: 1, stdout: new RegExp(`verify +node answers: ${two}\\n +why .+\\n +next .+`) },
        "a user reads its name, why, and what to do",
      );
    },
  );

  fault(
    "a stream with fewer replicas than declared",
    () => api("STREAM.UPDATE.LOGS", { name: "LOGS", subjects: ["logs.>"], storage: "file", num_replicas: 1 }),
    rollout,
    [/^replicas current: LOGS$/],
  );

  fault(
    "a replica that lags, as its server hangs",
    async () => {
      await site.sh(three, "systemctl kill -s STOP nats-server");
      await publish(20);
    },
    () => site.sh(three, "systemctl kill -s CONT nats-server"),
    [/^replicas current: LOGS$/, new RegExp(`${three}$`)],
  );

  fault("a stream that isn't there", () => api("STREAM.DELETE.LOGS", {}), rollout, [/^stream exists: LOGS$/]);

  fault(
    "a consumer at its ack limit",
    async () => {
      await publish(10);
      await api("CONSUMER.CREATE.LOGS.stuck", {
        stream_name: "LOGS",
        config: { durable_name: "stuck", ack_policy: "explicit", ack_wait: 600e9, max_ack_pending: 10 },
      });
      const inbox = nc.subscribe("test.stuck"); // what comes here is taken, and never acknowledged
      await until(
        async () => {
          nc.publish("$JS.API.CONSUMER.MSG.NEXT.LOGS.stuck", JSON.stringify({ batch: 10, expires: 1e9 }), { reply: "test.stuck" });
          const info = await nc.request("$JS.API.CONSUMER.INFO.LOGS.stuck", "", { timeout: 5000 }).then(
            (m) => m.json<{ num_ack_pending?: number }>(),
            () => ({ num_ack_pending: 0 }),
          );
          return info.num_ack_pending ?? 0;
        },
        (pending) => pending === 10,
        60_000,
      );
      inbox.unsubscribe();
    },
    () => api("CONSUMER.DELETE.LOGS.stuck", {}),
    [/^acks pending below the limit: LOGS > stuck$/],
  );

  fault(
    "a server that lets anybody in",
    () =>
      site.sh(
        one,
        `sed -i 's/^accounts {/no_auth_user: guest\\n&\\n  OPEN { users: [ { user: guest, password: guest } ] }/' ${CONF} && systemctl restart nats-server`,
      ),
    rollout,
    [new RegExp(`^authentication required: ${one}$`)],
  );

  const dir = mkdtempSync(join(tmpdir(), "sampan-verify-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  fault(
    "a certificate of a CA that isn't ours",
    async () => {
      const { cert, key } = certificates(dir, [two, site.address(two), "127.0.0.1"], 30);
      for (const [file, name] of [
        [cert, "server.crt"],
        [key, "server.key"],
      ] as const)
        await site.lab.exec(two, ["sh", "-c", `cat >/etc/nats/tls/${name}`], { input: readFileSync(file, "utf8") });
      await site.sh(two, "systemctl reload nats-server");
    },
    rollout,
    [new RegExp(two)],
    (t, run) =>
      t.ok(
        run.ends("failed").some((e) => e.task.endsWith(two) && /certificate/i.test(e.failure!.what)),
        "says that it is the certificate",
      ),
  );

  fault(
    "a server that hasn't read its configuration",
    () => site.sh(one, `sed -i 's/^max_connections: .*/max_connections: 1000/' ${CONF}`),
    rollout,
    [new RegExp(`^configuration ${CONF}$`)],
    (t, run) =>
      t.same(
        run
          .ends("failed")
          .filter((e) => e.task.startsWith("configuration"))
          .map((e) => e.lane),
        [one],
      ),
  );

  // Last: after it nats-server may refuse new streams once this node leads the meta group, until that leader steps down (2.15.1).
  fault(
    "a node with another cluster name",
    () => site.sh(three, `sed -i 's/^  name: .*/  name: "elsewhere"/' ${CONF} && systemctl restart nats-server`),
    rollout,
    [new RegExp(`^cluster name: ${three}$`)],
  );
});
