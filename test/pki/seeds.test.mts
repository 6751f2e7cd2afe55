import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "dotenv";
import t from "tap";
import { makeSeed } from "../../lib/pki/secrets.mts";
import { editEnv, envText, seedsOf as seedsAmong, withNext, withNextInUse, withoutOld } from "../../lib/pki/seeds.mts";
import { Secret } from "../../lib/secret.mts";
import { inventoryFolder, usageLines } from "./fixture.mts";

const NAME = "NATS_APP_NKEY_SEED";
const seedsOf = (env: string, seed: Secret): ReturnType<typeof seedsAmong> => seedsAmong(env, seed, [seed]);

for (const [what, write] of [
  ["bare", (s: string) => `# ours\nOTHER=1\n${NAME}=${s}\nLAST=2`],
  ["quoted, with a comment", (s: string) => `export ${NAME}="${s}" # the app's\nOTHER='x'\n`],
  ["Windows line ends", (s: string) => `A=1\r\n${NAME}=${s}\r\nB=2\r\n`],
  ["single quotes, spaces", (s: string) => `  ${NAME} = '${s}'\n`],
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

for (const suffix of ["NEXT", "OLD"]) {
  t.test(`another user's seed by the name of _${suffix} is not taken for ours`, async (t) => {
    const [ours, theirs] = [makeSeed(), makeSeed()];
    const env = `${NAME}=${ours}\n${NAME}_${suffix}=${theirs}\n`;
    t.strictSame(seedsAmong(env, new Secret(ours), [new Secret(ours), new Secret(theirs)]), { variable: NAME, phase: "single", taken: `${NAME}_${suffix}` });
    t.not(seedsOf(env, new Secret(ours))!.phase, "single", "else it is what a rotation has left there");
  });
}

t.test("what can't be brought to its end isn't begun", async (t) => {
  const [seed, next, old] = [makeSeed(), makeSeed(), makeSeed()];
  const refused = async (work: () => unknown): Promise<void> => {
    t.match(await usageLines(work), [new RegExp(`^\\.env: ${NAME} can't be changed there, nothing was written: `)]);
  };
  const twice = `${NAME}=${makeSeed()}\nOTHER=1\n${NAME}=${seed}\n`;
  await refused(() => withNext(twice, NAME));
  await refused(() => withNextInUse(`${twice}${NAME}_NEXT=${next}\n`, NAME));
  await refused(() => withNextInUse(`${NAME}=${seed}\n${NAME}_NEXT=${makeSeed()}\n${NAME}_NEXT=${next}\n`, NAME));
  await refused(() => withoutOld(`${NAME}=${seed}\n${NAME}_OLD=${old}\n${NAME}_OLD=${old}\n`, NAME));
  await refused(() => withNext(`${NAME}: ${seed}\n`, NAME));
  const dir = inventoryFolder(t);
  writeFileSync(join(dir, ".env"), twice, { mode: 0o600 });
  await refused(() => editEnv(dir, (env) => withNext(env, NAME)));
  t.equal(envText(dir), twice);
});
