import t from "tap";
import { type Job, plain } from "../../../lib/nats/bench/job.mts";
import { Link } from "../../../lib/nats/bench/link.mts";
import { Secret } from "../../../lib/secret.mts";
import { PASSWORD, TestCluster } from "../servers.mts";

t.test("a server without TLS isn't told the password where the inventory has a CA", async (t) => {
  await TestCluster.with(
    "2.15.1",
    1,
    async ({ target }) => {
      const app = plain({ user: "app", password: new Secret(PASSWORD) });
      const job = { id: "x", cluster: "", nodes: [...target.nodes], sys: app, app } as unknown as Job;
      const open = async (one: Job): Promise<void> => {
        const link = new Link(one, 0, "push worker 1", () => {});
        await link.open().finally(() => link.close());
      };
      await t.rejects(open({ ...job, ca: target.tls!.ca }), { message: /n1 .*TLS failed: server does not support 'tls'/ });
      await t.resolves(open(job), "without a CA nobody has asked for TLS");
    },
    { n1: { tls: false } },
  );
});
