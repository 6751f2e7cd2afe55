import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { compareSync } from "bcryptjs";
import { parse } from "dotenv";
import { connect, nkeyAuthenticator } from "nats";
import t from "tap";
import { bcryptHash, generateMissingSecrets, publicKey } from "../../lib/pki/secrets.mts";
import { Secret } from "../../lib/secret.mts";
import { inventoryFolder, usageLines } from "./fixture.mts";

const SYS = { name: "NATS_SYS_NKEY_SEED", kind: "nkey" } as const;
const PASS = { name: "NATS_BOB_PASSWORD", kind: "password" } as const;
const NOTE = "# made by sampan; keep a copy in a safe place\n";

t.test("secrets are made into a new .env that only its owner may read", async (t) => {
  const dir = inventoryFolder(t);
  const made = generateMissingSecrets(dir, [SYS, PASS]);
  t.match(made[SYS.name], /^SU[A-Z2-7]{56}$/);
  t.match(made[PASS.name], /^[A-Za-z0-9_-]{43}$/);
  t.equal(readFileSync(join(dir, ".env"), "utf8"), `${NOTE}${SYS.name}=${made[SYS.name]}\n${PASS.name}=${made[PASS.name]}\n`);
  t.equal(statSync(join(dir, ".env")).mode & 0o777, 0o600);
  t.strictSame(readdirSync(dir), [".env"]);
});

t.test("the user's lines stay as they are, empty ones are filled in, the rest goes to the end", async (t) => {
  const dir = inventoryFolder(t);
  const lines = (sys: string): string => `# my hosts\nNODE_1=10.0.0.1\n\n  export ${SYS.name} =${sys} # system\nODD="a # b"`;
  writeFileSync(join(dir, ".env"), lines(""), { mode: 0o600 });
  const made = generateMissingSecrets(dir, [SYS, PASS]);
  t.equal(readFileSync(join(dir, ".env"), "utf8"), `${lines(made[SYS.name]!)}\n${NOTE}${PASS.name}=${made[PASS.name]}\n`);
  t.strictSame(parse(readFileSync(join(dir, ".env"))), { NODE_1: "10.0.0.1", ODD: "a # b", ...made });
});

t.test("windows line ends survive", async (t) => {
  const dir = inventoryFolder(t);
  writeFileSync(join(dir, ".env"), `${SYS.name}=\r\nA=1\r\n`, { mode: 0o600 });
  const made = generateMissingSecrets(dir, [SYS]);
  t.equal(readFileSync(join(dir, ".env"), "utf8"), `${SYS.name}=${made[SYS.name]}\r\nA=1\r\n`);
});

t.test("what is there already is returned and not made anew", async (t) => {
  const dir = inventoryFolder(t);
  const made = generateMissingSecrets(dir, [SYS]);
  const before = statSync(join(dir, ".env")).ino;
  t.strictSame(generateMissingSecrets(dir, [SYS]), made);
  t.equal(statSync(join(dir, ".env")).ino, before);
});

t.test("nothing missing touches nothing", async (t) => {
  const dir = inventoryFolder(t);
  t.strictSame(generateMissingSecrets(dir, []), {});
  t.notOk(existsSync(join(dir, ".env")));
});

t.test("a .env that others may read is refused", async (t) => {
  const dir = inventoryFolder(t);
  writeFileSync(join(dir, ".env"), "");
  chmodSync(join(dir, ".env"), 0o644);
  t.strictSame(await usageLines(() => generateMissingSecrets(dir, [SYS])), [`${dir}/.env: holds a secret and others may read it; run: chmod 600 ${dir}/.env`]);
  t.strictSame(readdirSync(dir), [".env"]);
});

t.test("a .env that is a link stays one", async (t) => {
  const dir = inventoryFolder(t),
    safe = inventoryFolder(t);
  writeFileSync(join(safe, "env"), "A=1\n", { mode: 0o600 });
  symlinkSync(join(safe, "env"), join(dir, ".env"));
  generateMissingSecrets(dir, [SYS]);
  t.ok(lstatSync(join(dir, ".env")).isSymbolicLink());
  t.match(readFileSync(join(safe, "env"), "utf8"), /^A=1\n.*\nNATS_SYS/);
});

t.test("six processes at once agree on the secrets", async (t) => {
  const dir = inventoryFolder(t);
  const code = `import { generateMissingSecrets } from ${JSON.stringify(fileURLToPath(new URL("../../lib/pki/secrets.mts", import.meta.url)))};
    console.log(JSON.stringify(generateMissingSecrets(${JSON.stringify(dir)}, ${JSON.stringify([SYS, PASS])})));`;
  const loader = fileURLToPath(new URL("../../node_modules/tsx/dist/esm/index.mjs", import.meta.url));
  const run = (): Promise<{ stdout: string }> => promisify(execFile)(process.execPath, ["--import", loader, "--input-type=module", "-e", code], { cwd: "/" });
  const seen = await Promise.all(Array.from({ length: 6 }, run));
  t.equal(new Set(seen.map((s) => s.stdout)).size, 1);
  t.strictSame(parse(readFileSync(join(dir, ".env"))), JSON.parse(seen[0]!.stdout));
});

t.test("the lock of a killed run doesn't hold up for ever", async (t) => {
  const dir = inventoryFolder(t);
  writeFileSync(join(dir, ".env.lock.tmp"), "");
  utimesSync(join(dir, ".env.lock.tmp"), 1, 1);
  t.ok(generateMissingSecrets(dir, [SYS])[SYS.name]);
});

t.test("the public key of a seed is the one that the nkeys tool shows", (t) => {
  // the pair of docs.nats.io, Nkeys
  t.equal(publicKey(new Secret("SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY")), "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4");
  t.end();
});

t.test("a seed that is none is refused without being shown", async (t) => {
  for (const seed of ["", "hello", "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VX", "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"])
    t.strictSame(await usageLines(() => publicKey(new Secret(seed), "users[0].nkey_seed")), [
      "users[0].nkey_seed: isn't the seed of a user's nkey (SU… and 56 more characters); remove it from .env to have one made",
    ]);
});

t.test("a password's hash is the same at every run, and another in another place", (t) => {
  const hash = bcryptHash(new Secret("hunter2"), "hk/APP/bob");
  t.equal(hash, "$2a$11$wWtKbARolLAoPpi8TJYMM.4dWX67jCc5laqh82LzpR3oHlLpHNlr.");
  t.ok(compareSync("hunter2", hash));
  t.not(bcryptHash(new Secret("hunter2"), "hk/APP/eve").slice(0, 29), hash.slice(0, 29), "salt");
  t.end();
});

t.test("passwords that bcrypt can't take whole are refused", async (t) => {
  t.strictSame(await usageLines(() => bcryptHash(new Secret("é".repeat(37)), "APP/bob")), [
    "APP/bob: the password has more than 72 bytes, of which bcrypt takes only the first 72; choose a shorter one",
  ]);
  t.strictSame(await usageLines(() => bcryptHash(new Secret(""), "APP/bob")), ["APP/bob: the password is empty; set it in .env"]);
});

const server = ["2.15.1", "2.10.27"].map((v) => join(homedir(), ".cache/sampan/nats-server", v, "nats-server")).find((path) => existsSync(path));
t.test("a real nats-server takes the hash and the public key", { skip: server ? false : "no nats-server here; the lab brings one" }, async (t) => {
  const dir = mkdtempSync(join(inventoryFolder(t), "nats-"));
  const password = new Secret("hunter2"),
    seed = new Secret(generateMissingSecrets(dir, [SYS])[SYS.name]!);
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as { port: number };
  await new Promise((done) => probe.close(done));
  writeFileSync(
    join(dir, "conf"),
    `host: 127.0.0.1, port: ${port}
    accounts { APP { users: [{ user: bob, password: "${bcryptHash(password, "hk/APP/bob")}" }, { nkey: ${publicKey(seed)} }] } }`,
  );
  const child = spawn(server!, ["-c", join(dir, "conf")], { stdio: "ignore" });
  t.teardown(async () => {
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  const servers = `127.0.0.1:${port}`;
  const open = async (options: Parameters<typeof connect>[0]): Promise<string> => {
    for (let n = 0; ; n++) {
      try {
        const nc = await connect({ ...options, servers, reconnect: false });
        await nc.close();
        return "in";
      } catch (error) {
        if (!/ECONNREFUSED|refused/i.test(String(error)) || n > 50) return (error as Error).name;
        await sleep(100);
      }
    }
  };
  t.equal(await open({ user: "bob", pass: password.reveal() }), "in");
  t.equal(await open({ user: "bob", pass: "hunter3" }), "AuthorizationError");
  t.equal(await open({ authenticator: nkeyAuthenticator(new TextEncoder().encode(seed.reveal())) }), "in");
  t.equal(await open({}), "AuthorizationError");
});
