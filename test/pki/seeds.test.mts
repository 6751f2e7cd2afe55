import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "dotenv";
import t from "tap";
import { makeSeed } from "../../lib/pki/secrets.mts";
import { editEnv, envText, seedsOf, withNext, withNextInUse, withoutOld } from "../../lib/pki/seeds.mts";
import { Secret } from "../../lib/secret.mts";
import { inventoryFolder } from "./fixture.mts";

const NAME = "NATS_APP_NKEY_SEED";

for (const [what, write] of [
  ["bare", (s: string) => `# ours\nOTHER=1\n${NAME}=${s}\nLAST=2`], ["quoted, with a comment", (s: string) => `export ${NAME}="${s}" # the app's\nOTHER='x'\n`],
  ["Windows line ends", (s: string) => `A=1\r\n${NAME}=${s}\r\nB=2\r\n`], ["single quotes, spaces", (s: string) => `  ${NAME} = '${s}'\n`],
] as const) {
  t.test(`a seed from old to new in .env: ${what}`, async (t) => {
    const old = makeSeed();
    const env = write(old);
    const others = (text: string): Record<string, string> => Object.fromEntries(Object.entries(parse(text)).filter(([k]) => !k.startsWith(NAME)));
    t.match(seedsOf(env, new Secret(old)), { variable: NAME, phase: "single" });

    const accepted = withNext(env, NAME);
    const next = parse(accepted)[`${NAME}_NEXT`]!;
    t.equal(parse(accepted)[NAME], old, "in use as before");
    t.not(next, old);
    t.match(seedsOf(accepted, new Secret(old)), { phase: "accepted" });
    t.equal(withNext(accepted, NAME), accepted, "again: the same seed");

    const renewed = withNextInUse(accepted, NAME);
    t.match(parse(renewed), { [NAME]: next, [`${NAME}_OLD`]: old });
    t.notOk(`${NAME}_NEXT` in parse(renewed));
    t.match(seedsOf(renewed, new Secret(next)), { variable: NAME, phase: "renewed" });
    t.equal(withNextInUse(renewed, NAME), renewed, "again: nothing");

    const single = withoutOld(renewed, NAME);
    t.match(seedsOf(single, new Secret(next)), { phase: "single" });
    t.notOk(single.includes(old));
    t.equal(single.replace(next, () => old).replaceAll("\r", ""), env.replaceAll("\r", ""), "else nothing has changed");
    for (const text of [accepted, renewed, single]) t.same(others(text), others(env));
  });
}

t.test("a seed that isn't from .env has no phases", async (t) => {
  t.equal(seedsOf("A=b\n", new Secret(makeSeed())), undefined);
});

t.test("the file keeps its mode", async (t) => {
  const dir = inventoryFolder(t);
  writeFileSync(join(dir, ".env"), `${NAME}=${makeSeed()}\n`);
  chmodSync(join(dir, ".env"), 0o600);
  editEnv(dir, (env) => withNext(env, NAME));
  t.equal(statSync(join(dir, ".env")).mode & 0o777, 0o600);
  t.equal(readFileSync(join(dir, ".env"), "utf8"), envText(dir));
  t.ok(parse(envText(dir))[`${NAME}_NEXT`]);
});
