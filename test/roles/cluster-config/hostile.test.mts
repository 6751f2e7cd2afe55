import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { nkeys } from "nats";
import t from "tap";
import { UsageError } from "../../../lib/inventory/types.mts";
import { loadInventory } from "../../../roles/inventory.mts";
import { folder, Rendered, refusal } from "./fixture.mts";

t.setTimeout(600_000);

t.test("what nats-server -t takes and the server then doesn't start with", async (t) => {
  const dir = folder(t, { "hosts.yml": "nats: { hosts: { n1: {} } }\n", "group_vars/all.yml": "jetstream: { domain: a.b }\n" });
  t.throws(() => loadInventory(dir, { generate: () => ({}) }), /all\.yml:1:22: .*a\.b.* is not a domain; write it without spaces, quotes and dots$/);
});

t.test("a lame duck that lives longer than a rollout waits for a restart", async (t) => {
  const dir = folder(t, { "hosts.yml": "nats: { hosts: { n1: {} } }\n", "group_vars/all.yml": "lame_duck_duration: 15m\n" });
  t.throws(
    () => loadInventory(dir, { generate: () => ({}) }),
    /all\.yml:1:21: lame_duck_duration 15m is above the 14m that a rollout waits for a server to stop; lower it$/,
  );
});

/** Each would mean something to nats-server's configuration, to systemd or to a shell if it stood there unquoted. */
const HOSTILE = [
  'a"b',
  "a'b",
  "a\\b",
  "a\\",
  'a" }',
  "a\nb",
  "a\tb",
  "a b",
  "a\u0007b",
  "a\ud800b",
  "$HOME",
  "#a",
  "//a",
  "a;b",
  "{a}",
  "[a]",
  "a,b",
  "a=b",
  "a: b",
  "include",
  "%n",
  "{{name}}",
  "true",
  "12",
  "-1",
  "ä",
  "a%25b",
  "a.b",
  "a*",
  "a>",
];

const seed = (): string => new TextDecoder().decode(nkeys.createUser().getSeed());
const ENV = `SYS=${seed()}\nAPP=${seed()}\nJOB_SEED=${seed()}\nJOB=a-password\n`;
const USERS = [
  { name: "sys", account: "SYS", nkey_seed: "${SYS}" },
  { name: "app", account: "APP", nkey_seed: "${APP}" },
];

/** Where a value goes, and a value there that nobody could mind. */
const KEYS: [key: string, vars: (value: string) => Record<string, unknown>, innocent?: string][] = [
  ["server_name", (v) => ({ server_name: v })],
  ["host", (host) => ({ host }), "10.9.9.9"],
  ["address", (address) => ({ address }), "10.9.9.9"],
  ["cluster.name", (name) => ({ cluster: { name } })],
  ["cluster.compression", (compression) => ({ cluster: { compression } }), "accept"],
  ["store_dir", (v) => ({ jetstream: { store_dir: `/data/${v}` } })],
  ["domain", (domain) => ({ jetstream: { domain } })],
  ["unique_tag", (unique_tag) => ({ jetstream: { unique_tag } })],
  ["server_tags", (v) => ({ server_tags: [v] })],
  ["max_payload", (max_payload) => ({ max_payload }), "7654321"],
  ["max_mem", (max_mem) => ({ jetstream: { max_mem } }), "987654321"],
  ["write_deadline", (write_deadline) => ({ write_deadline }), "987s"],
  ["sync_interval", (sync_interval) => ({ jetstream: { sync_interval } }), "987m"],
  ["gomemlimit", (gomemlimit) => ({ gomemlimit }), "987654321"],
  ["cpus", (cpus) => ({ cpus }), "9876"],
  ["users.name", (name) => ({ users: [...USERS, { name, account: "APP", password: "${JOB}" }] })],
  ["users.account", (account) => ({ users: [...USERS, { name: "job", account, nkey_seed: "${JOB_SEED}" }] })],
  ["users.permissions", (v) => ({ users: [...USERS, { name: "job", account: "APP", nkey_seed: "${JOB_SEED}", permissions: { publish: { allow: [v] } } }] })],
];

/** Hashes differ by user. */
const hashless = (conf: string): string => conf.replaceAll(/\$2a\$[^"]+/g, "HASH");

for (const [key, vars, innocent = "innocent"] of KEYS) {
  t.test(`${key}: refused in one line, or told to nats-server as it is`, async (t) => {
    const dir = folder(t, { "hosts.yml": "nats:\n  hosts:\n    n1: { address: 10.0.0.1 }\n    n2: { address: 10.0.0.2 }\n", ".env": ENV });
    const write = (value: string): void => {
      const own = vars(value),
        shared = "users" in own || "cluster" in own;
      writeFileSync(join(dir, "group_vars/all.yml"), JSON.stringify({ users: USERS, ...(shared ? own : {}) }));
      writeFileSync(join(dir, "host_vars/n1.yml"), JSON.stringify(shared ? {} : own));
    };
    write(innocent);
    const plain = await Rendered.of(dir);
    for (const value of HOSTILE) {
      const shown = JSON.stringify(value);
      write(value);
      try {
        loadInventory(dir);
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        for (const line of error.lines) t.match(line, /^[^\p{Cc}]+:\d+(:\d+)?: [^\p{Cc}]+; [^\p{Cc}]+$/u, `${shown} is refused: ${line}`);
        continue;
      }
      const rendered = await Rendered.of(dir);
      // an address stands in the others' configurations
      for (const name of key === "address" ? ["n1", "n2"] : ["n1"]) {
        t.equal(await refusal(t, rendered, name), "", `${shown} is taken by nats-server`);
        const told = key === "address" ? value.replace("%", "%25") : JSON.stringify(value).slice(1, -1);
        t.equal(hashless(rendered.conf(name)), hashless(plain.conf(name)).replaceAll(innocent, told), `${shown} changes nothing else`);
      }
    }
  });
}
