import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type NatsConnection } from "nats";
import t from "tap";
import { type KeyDoc, keyDocs } from "../../lib/inventory/docs.mts";
import { ensureBinary } from "../../lib/lab/binaries.mts";
import { silent } from "../../lib/lab/report.mts";
import { consumer } from "../../roles/jetstream-setup/consumer.mts";
import { stream } from "../../roles/jetstream-setup/stream.mts";

/** A real 2.15.1 refuses fields it doesn't know: the schema can't invent any, nor spell one wrong. */
const dir = mkdtempSync(join(tmpdir(), "sampan-fields-"));
const server = spawn(await ensureBinary("2.15.1", silent), ["-js", "-sd", dir, "-a", "127.0.0.1", "-p", "-1", "--ports_file_dir", dir], { stdio: "ignore" });
t.teardown(async () => {
  await nc?.close();
  server.kill("SIGKILL");
  await new Promise((done) => (server.exitCode !== null || server.signalCode !== null ? done(0) : server.once("exit", done)));
  rmSync(dir, { recursive: true, force: true });
});
let nc: NatsConnection | undefined;
for (let tries = 0; !nc; tries++) {
  try {
    const { nats } = JSON.parse(readFileSync(join(dir, `nats-server_${server.pid}.ports`), "utf8")) as { nats: string[] };
    nc = await connect({ servers: nats[0], timeout: 2000 });
  } catch (error) {
    if (tries > 100) throw error;
    await new Promise((done) => setTimeout(done, 50));
  }
}

interface Reply {
  error?: { description: string };
  config?: object;
}
const ask = async (subject: string, payload: object): Promise<Reply> => (await nc!.request(`$JS.API.${subject}`, JSON.stringify(payload))).json<Reply>();

/** `mirror.external.api` → { mirror: { external: { api: value } } }; `sources[].name` → { sources: [{ name: value }] }. */
const nested = (key: string, value: unknown): object =>
  key.split(".").reduceRight<unknown>((inside, word) => (word.endsWith("[]") ? { [word.slice(0, -2)]: [inside] } : { [word]: inside }), value) as object;
/** null fits any type but enumerations, of which each word is tried. */
const values = ({ what }: KeyDoc): unknown[] => /^one of (.+)$/.exec(what)?.[1]?.split(", ") ?? [null];
async function unknown(subject: string, wrap: (config: object) => object, key: string, value: unknown): Promise<boolean> {
  const { error } = await ask(subject, wrap(nested(key, value)));
  return /unknown field|unmarshal|invalid JSON/i.test(error?.description ?? "");
}

const inStream = (config: object): object => ({ ...config, name: "T" });
const inConsumer = (config: object): object => ({ stream_name: "T", config: { ...config, durable_name: "c" } });
/** Sampan's own words: what the servers are asked for is made of them. */
const OURS = ["partitions", "partition_by", "mirror.region", "sources[].region"];
const fields = keyDocs(stream.entries).filter(({ key }) => !key.startsWith("consumers") && !OURS.includes(key));
const [STREAM, CONSUMER] = ["STREAM.CREATE.T", "CONSUMER.DURABLE.CREATE.T.c"] as const;

t.test("the server refuses a field it doesn't know", async (t) => t.ok(await unknown(STREAM, inStream, "no_such_field", null)));
t.test("and one of a consumer", async (t) => t.ok(await unknown(CONSUMER, inConsumer, "no_such_field", null)));
t.test("and a word it doesn't know", async (t) => t.ok(await unknown(STREAM, inStream, "retention", "forever")));
for (const field of fields)
  for (const value of values(field))
    t.test(`the server knows a stream's ${field.key}: ${value}`, async (t) => t.notOk(await unknown(STREAM, inStream, field.key, value)));
for (const field of keyDocs(consumer.entries))
  for (const value of values(field))
    t.test(`the server knows a consumer's ${field.key}: ${value}`, async (t) => t.notOk(await unknown(CONSUMER, inConsumer, field.key, value)));

/** A state that only an update can bring about. */
const OWN = ["sealed"];
t.test("every field that the server reports of a stream is in the schema", async (t) => {
  const { config } = await ask("STREAM.CREATE.ALL", { name: "ALL", subjects: ["all.>"] });
  t.strictSame(
    Object.keys(config!).filter((key) => !fields.some((field) => field.key === key) && !OWN.includes(key)),
    [],
  );
});
