import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { makeSeed } from "../../../lib/pki/secrets.mts";
import { Secret } from "../../../lib/secret.mts";
import { rotating } from "../../../roles/rotate/users.mts";
import { inventoryFolder, usageLines } from "../../pki/fixture.mts";

t.test("a user whose second seed would go by the name of another user's is refused", async (t) => {
  const dir = inventoryFolder(t);
  const seeds = { app: makeSeed(), legacy: makeSeed() };
  writeFileSync(join(dir, ".env"), `NATS_APP=${seeds.app}\nNATS_APP_OLD=${seeds.legacy}\n`, { mode: 0o600 });
  const users = Object.entries(seeds).map(([name, seed]) => ({ name, account: "APP", nkey_seed: new Secret(seed) }));
  const inventory = (some: typeof users) =>
    ({ dir, hosts: [{ name: "n1", vars: { users: some } }], originOf: () => "hosts.yml:3:1" }) as unknown as Parameters<typeof rotating>[0];
  t.match(await usageLines(() => rotating(inventory(users), undefined)), [
    /^hosts\.yml:3:1: user app can't be rotated: .* NATS_APP_OLD, and that is another user's/,
  ]);
  t.match(
    rotating(inventory(users.slice(0, 1)), undefined).users,
    [{ name: "app", seeds: { phase: "renewed" } }],
    "without that user it is what a rotation has left there",
  );
});
