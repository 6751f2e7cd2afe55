import t from "tap";
import { covers } from "../../lib/lab/network.mts";
import { address, gateway, hostName, namesOf } from "../../lib/lab/region.mts";

t.test("a route stands in a subnet's way when they overlap", async (t) => {
  for (const dst of ["198.18.77.0/24", "198.18.77.5", "198.18.77.128/25", "198.18.0.0/15", "198.18.64.0/18", "198.0.0.0/8"]) t.ok(covers(dst, 77), dst);
  for (const dst of ["default", "0.0.0.0/1", "128.0.0.0/1", "198.18.78.0/24", "198.18.76.255", "198.19.77.0/24", "10.0.0.0/8", "192.0.2.0/24"])
    t.notOk(covers(dst, 77), dst);
});

t.test("names and addresses", async (t) => {
  t.equal(address(77, hostName(1)), "198.18.77.11");
  t.equal(address(78, hostName(30)), "198.18.78.40");
  t.equal(gateway(77), "198.18.77.1");
  // one region's names must not be the beginning of another's: cleaning up goes by them
  t.notOk(namesOf("a-b").netns("nats-node-1").startsWith(namesOf("a").netns("")));
  for (const bad of ["", "A", "1a", "a/b", "a.b", "..", "a".repeat(17)]) t.throws(() => namesOf(bad), { name: "LabError" }, JSON.stringify(bad));
});
