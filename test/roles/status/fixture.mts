import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestCluster } from "../../nats/servers.mts";

/** An inventory folder for servers on loopback, as status reads it: their own certificates, their users' seeds, no SSH. */
export function inventoryOf(cluster: TestCluster, streams = ""): string {
  const dir = join(cluster.dir, "inventory");
  const { target } = cluster;
  const seed = (user: typeof target.sys): string => ("nkeySeed" in user ? user.nkeySeed.reveal() : "");
  mkdirSync(join(dir, "group_vars"), { recursive: true });
  writeFileSync(join(dir, "ca.crt"), target.tls!.ca);
  // Port 1 of loopback: nobody listens there, so that a login fails at once.
  const hosts = cluster.servers.map(
    ({ options: { name }, ports }, i) =>
      `    ${name}: { address: 127.0.0.1, port: ${ports.client}, http_port: ${20_000 + i}, cluster: { port: ${ports.route} }, ssh: { port: ${1 + i} } }`,
  );
  writeFileSync(join(dir, "hosts.yml"), `nats:\n  hosts:\n${hosts.join("\n")}\n`);
  writeFileSync(
    join(dir, "group_vars/nats.yml"),
    `cluster: { name: ${target.name || "single"} }\ntls: { ca: ca.crt, cert: ${cluster.files.cert}, key: ${cluster.files.key} }\n${streams}`,
  );
  writeFileSync(join(dir, ".env"), `NATS_SYS_NKEY_SEED=${seed(target.sys)}\nNATS_APP_NKEY_SEED=${seed(target.app)}\n`);
  chmodSync(join(dir, ".env"), 0o600);
  return dir;
}
