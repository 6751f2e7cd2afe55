import { once } from "node:events";
import { existsSync } from "node:fs";
import t from "tap";
import { skip, startLab, testLab, traces } from "./fixture.mts";

t.setTimeout(600_000); // the first lab on a machine installs tools and builds the root system

const finish = async (...args: string[]): Promise<number> => (await once(startLab(...args), "exit"))[0] as number;

t.test("two regions side by side, started at the same time", { skip }, async (t) => {
  const east = testLab(t, "east"),
    west = testLab(t, "west");
  t.same(await Promise.all([finish("up", "--single", "--region", east.region), finish("up", "--nodes", "2", "--region", west.region)]), [0, 0]);
  const [atEast, atWest] = [await east.status(), await west.status()];
  t.same([atEast.hosts.length, atWest.hosts.length], [1, 2]);
  t.ok([...atEast.hosts, ...atWest.hosts].every(({ up }) => up));
  t.not(atEast.gateway, atWest.gateway, "each has its subnet");
  t.not(atEast.inventory, atWest.inventory);
  t.equal((await east.exec("nats-node-1", ["hostname"])).stdout, (await west.exec("nats-node-1", ["hostname"])).stdout, "names may be the same");

  await west.down();
  t.same(traces(west.region), []);
  t.notOk(existsSync(atWest.inventory));
  t.match(await east.status(), { hosts: [{ up: true }] }, "the other stays");
  t.equal((await east.exec("nats-node-1", ["systemctl", "is-system-running"])).stdout, "running\n");
});

t.test("several `up` of one region at the same time", { skip }, async (t) => {
  const lab = testLab(t, "race");
  const up = (): Promise<number> => finish("up", "--nodes", "2", "--region", lab.region);
  t.same(await Promise.all([up(), up(), up()]), [0, 0, 0]);
  t.match(await lab.status(), { hosts: [{ up: true }, { up: true }] });
  t.equal(traces(lab.region).filter((trace) => /^process.*systemd-nspawn/.test(trace)).length, 2, "each host once");
});
