import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { uplink } from "../../lib/lab/region.mts";
import { run as command } from "../../lib/lab/run.mts";
import { skip } from "../lab/fixture.mts";
import { exits } from "../support/result.mts";
import { siteLab } from "../support/site.mts";

t.setTimeout(900_000);

t.test("hosts that are reached by IPv6, and reach each other so", { skip }, async (t) => {
  const site = await siteLab(t, "h-ipv6", 3);
  const { gateway } = await site.lab.status();
  const octet = Number(gateway!.split(".")[2]);
  // a private (ULA) network beside the lab's own; it goes with the lab's links
  const address6 = (i: number): string => `fd73:6d70:${octet}::${i}`;
  await command("ip", ["addr", "add", `${address6(1)}/64`, "dev", uplink(octet), "nodad"]);
  for (const [i, name] of site.names.entries()) await site.sh(name, `ip addr add ${address6(11 + i)}/64 dev eth0 nodad`);
  const keys = await site.everywhere("cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub");
  const inventory = (addresses: readonly string[]): void => {
    writeFileSync(join(site.inventory, "hosts.yml"), `nats:\n  hosts:\n${site.names.map((n, i) => `    ${n}: { address: "${addresses[i]}" }\n`).join("")}`);
    writeFileSync(join(site.inventory, "known_hosts"), keys.map((k, i) => `${addresses[i]} ${k}\n`).join(""));
  };
  const addresses = site.names.map((_, i) => address6(11 + i));

  await t.test("an address in brackets is refused, with its place, before anybody is called", async (t) => {
    inventory(addresses.map((a) => `[${a}]`));
    const run = await site.run("--check");
    exits(t, run, 3);
    t.match(run.stderr, /hosts\.yml:3:\d+: .*\[fd73:.* is not an address; write .*without brackets/);
    t.equal(run.stdout, "");
  });

  await t.test("the whole rollout, verified", async (t) => {
    inventory(addresses);
    const run = await site.run();
    exits(t, run, 0);
    t.ok(run.ends("ok").some((e) => e.role === "verify" && e.task === "pull from a stream"));
    t.match(await site.sh(site.names[0]!, "cat /etc/nats/nats-server.conf"), `nats://[${addresses[1]}]:6222`);
    const routes = (await site.sh(site.names[0]!, "ss -Htn state established '( sport = :6222 or dport = :6222 )'")).split("\n");
    t.ok(routes.length >= 2 && routes.every((line) => line.includes("[fd73:")), "all routes are of IPv6", { routes });
  });

  await t.test("a second one changes nothing; through a jump host too", async (t) => {
    const again = await site.run();
    exits(t, again, 0);
    t.same(again.deviations, []);
    const jump = await site.run("--check", "--limit", site.names[1]!, "--role", "kernel-tuning", "-e", `ssh.proxy_jump=root@[${addresses[0]}]:22`);
    exits(t, jump, 0);
  });
});
