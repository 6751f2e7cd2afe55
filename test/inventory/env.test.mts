import { chmodSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import t from "tap";
import type { Missing } from "../../lib/inventory/load.mts";
import { loadInventory } from "../../roles/inventory.mts";
import { faults, generate, HOSTS, load, withInventory } from "./fixture.mts";

const SYS = `SU${"A".repeat(56)}`,
  APP = `SU${"B".repeat(56)}`;
const SEEDS = `NATS_SYS_NKEY_SEED=${SYS}\nNATS_APP_NKEY_SEED=${APP}\n`;

t.test("a variable is taken from .env", async (t) =>
  t.equal(load({ ".env": "SAMPAN_TEST_TAG=az:1\n", "group_vars/all.yml": 'server_tags: ["${SAMPAN_TEST_TAG}"]\n' }).hosts[0]!.vars.server_tags[0], "az:1"),
);

t.test("and else from the environment", async (t) => {
  process.env.SAMPAN_TEST_TAG = "az:2";
  t.teardown(() => delete process.env.SAMPAN_TEST_TAG);
  t.equal(load({ "group_vars/all.yml": 'server_tags: ["${SAMPAN_TEST_TAG}"]\n' }).hosts[0]!.vars.server_tags[0], "az:2");
});

t.test(".env goes before the environment", async (t) => {
  process.env.SAMPAN_TEST_TAG = "az:2";
  t.teardown(() => delete process.env.SAMPAN_TEST_TAG);
  t.equal(load({ ".env": "SAMPAN_TEST_TAG=az:1\n", "group_vars/all.yml": 'server_tags: ["${SAMPAN_TEST_TAG}"]\n' }).hosts[0]!.vars.server_tags[0], "az:1");
});

t.test("variables stand within a text, and $${ is no variable", async (t) =>
  t.equal(
    load({ ".env": "SAMPAN_TEST_TAG=1\n", "group_vars/all.yml": 'sysctl: { kernel.x: "a${SAMPAN_TEST_TAG}b$${c}" }\n' }).hosts[0]!.vars.sysctl["kernel.x"],
    "a1b${c}",
  ),
);

t.test("a number may come from .env", async (t) =>
  t.equal(load({ ".env": "SAMPAN_TEST_PORT=4333\n", "group_vars/all.yml": "port: ${SAMPAN_TEST_PORT}\n" }).hosts[0]!.vars.port, 4333),
);

t.test("the value of a variable never stands in an error", async (t) => {
  const lines = faults({ ".env": "SAMPAN_TEST_PORT=hunter2\n", "group_vars/all.yml": "port: ${SAMPAN_TEST_PORT}\n" });
  t.strictSame(lines, ['inv/group_vars/all.yml:1:7: port: "${SAMPAN_TEST_PORT}" is not a port; write a whole number from 1 to 65535']);
});

t.test("the seeds of .env become secrets that print as ***", async (t) => {
  const { hosts } = load({ ".env": SEEDS }, {});
  t.equal(hosts[0]!.vars.users[0]!.nkey_seed!.reveal(), SYS);
  t.notMatch(inspect(hosts, { depth: 9 }) + JSON.stringify(hosts), /SUAAAA|SUBBBB/);
});

t.test("missing credentials are made once, by name", async (t) => {
  const asked: Missing[][] = [];
  load(
    {},
    {
      generate: (missing) => {
        asked.push([...missing]);
        return generate(missing);
      },
    },
  );
  t.strictSame(asked, [
    [
      { name: "NATS_SYS_NKEY_SEED", kind: "nkey" },
      { name: "NATS_APP_NKEY_SEED", kind: "nkey" },
    ],
  ]);
});

t.test("only those that are missing are made", async (t) => {
  const asked: string[] = [];
  const { hosts } = load(
    { ".env": `NATS_SYS_NKEY_SEED=${SYS}\nNATS_APP_NKEY_SEED=\n` },
    {
      generate: (missing) => {
        asked.push(...missing.map(({ name }) => name));
        return { NATS_APP_NKEY_SEED: APP };
      },
    },
  );
  t.strictSame([asked, hosts[0]!.vars.users.map((user) => user.nkey_seed!.reveal())], [["NATS_APP_NKEY_SEED"], [SYS, APP]]);
});

t.test("nothing is made for an inventory that is wrong elsewhere", async (t) => {
  let called = false;
  faults(
    { "group_vars/all.yml": "jetstream: { store_dir: /tmp/x }\n" },
    {
      generate: (missing) => {
        called = true;
        return generate(missing);
      },
    },
  );
  t.notOk(called);
});

t.test("nothing but users' credentials is made", async (t) =>
  t.strictSame(faults({ "group_vars/all.yml": "become_password: ${SAMPAN_TEST_NONE}\n" }), [
    "inv/group_vars/all.yml:1:18: ${SAMPAN_TEST_NONE} is not set; add SAMPAN_TEST_NONE=… to inv/.env",
  ]),
);

t.test("without a generator an unset seed is an error", async (t) =>
  t.strictSame(
    faults({}, {}),
    ["APP", "SYS"].map((name) => `inv/hosts.yml: \${NATS_${name}_NKEY_SEED} is not set; add NATS_${name}_NKEY_SEED=… to inv/.env`),
  ),
);

t.test("without .env the error shows how to begin", async (t) =>
  t.match(
    faults({ ".env.example": "", "group_vars/all.yml": "become_password: ${SAMPAN_TEST_NONE}\n" })[0],
    /^inv\/\.env: is missing, .*run: cp inv\/\.env\.example inv\/\.env && chmod 600 inv\/\.env, and fill them in$/,
  ),
);

t.test("an .env that others may read is refused", async (t) =>
  withInventory({ "hosts.yml": HOSTS, ".env": SEEDS }, (dir) => {
    chmodSync(join(dir, ".env"), 0o644);
    t.throws(() => loadInventory(dir), { message: /\.env: holds secrets and others may read it \(mode 0644\); run: chmod 600 / } as never);
  }),
);

t.test("an .env that is a folder is an error in one line", async (t) =>
  withInventory({ "hosts.yml": HOSTS, ".env/x": "" }, (dir) =>
    t.throws(() => loadInventory(dir, { generate }), { message: /inv\/\.env: is a folder where a file belongs; rename it$/ } as never),
  ),
);
