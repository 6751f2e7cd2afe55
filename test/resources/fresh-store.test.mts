import t from "tap";
import { freshStore } from "../../lib/resources/fresh-store.mts";
import { skip, testLab } from "../lab/fixture.mts";
import { LabHosts, run } from "../ssh/lab-host.mts";

t.setTimeout(600_000);

const CONF = "/etc/nats/nats-server.conf";
const conf = (server: string, cluster: string): string => `server_name: "${server}"\\nlisten: "0.0.0.0:4222"\\n\\ncluster {\\n  name: "${cluster}"\\n}\\n`;

t.test("a host that joins: who runs there must be who is to join", { skip }, async (t) => {
  const hosts = await LabHosts.up(t, testLab(t, "newcomer"), 1);
  const session = await hosts.open();
  const look = async (jetstream = true) =>
    (await run(session, [freshStore({ server: "n4", cluster: "hk", conf: CONF, storeDir: "/srv/nats", jetstream })], "check")).ends[0]!;
  t.equal((await look()).status, "ok", "nothing is there");

  await hosts.sh("mkdir -p /srv/nats/jetstream/SYS/_js_/_meta_");
  t.match(await look(), { status: "failed", failure: { what: /is the store of a server that was in a cluster before/ } });
  t.equal((await look(false)).status, "ok", "without JetStream it isn't used");

  await hosts.sh(
    "printf '[Service]\\nExecStart=/bin/sleep infinity\\n' >/etc/systemd/system/nats-server.service && systemctl daemon-reload && systemctl start nats-server",
  );
  const refused = {
    status: "failed",
    failure: { what: /a nats-server runs here already, and by .* it is not n4 of cluster hk/, next: /address in hosts\.yml/ },
  };
  t.match(await look(), refused, "without a configuration of sampan's");
  await hosts.sh("mkdir -p /etc/nats");
  for (const [server, cluster] of [
    ["n4", "sg"],
    ["n5", "hk"],
    ["n44", "hk"],
  ] as const) {
    await hosts.sh(`printf '${conf(server, cluster)}' >${CONF}`);
    t.match(await look(), refused, `${server} of ${cluster}`);
    t.match(await look(false), refused, "nor without JetStream");
  }
  await hosts.sh(`printf '${conf("n4", "hk")}' >${CONF}`);
  t.equal((await look()).status, "ok", "on its way in");
});
