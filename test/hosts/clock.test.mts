import t from "tap";
import { classify } from "../../lib/nats/errors.mts";
import { clockWarning } from "../../lib/playbook/clock.mts";

t.test("a host's clock that is off is told with how much, which way and what follows", async (t) => {
  t.equal(clockWarning("n1", 0), undefined);
  t.equal(clockWarning("n1", -60), undefined, "may be the connection's own time");
  t.match(clockWarning("n1", 61), /^the clock of n1 is 1 minute ahead of this machine's: set .*timedatectl/);
  t.match(clockWarning("n1", -3500), /58 minutes behind this machine's: set/);
  t.match(clockWarning("n1", -3 * 3600), /3 hours behind this machine's; certificates made now are not yet valid there/);
  t.match(clockWarning("n1", 30 * 86_400), /30 days ahead of/);
});

t.test("a certificate that isn't valid yet, by this machine's clock, is the clock's matter", async (t) => {
  const error = Object.assign(new Error("certificate is not yet valid"), { code: "CERT_NOT_YET_VALID" });
  const node = { name: "n1", lane: "n1", host: "10.0.0.1", port: 4222, jetstream: true };
  t.match(classify(node, error), { fault: "tls", next: /clock/ });
});
