import { execFile, execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import t from "tap";
import { artifactCache } from "../../lib/artifact/cache.mts";
import { hostFetch, resolveArtifact } from "../../lib/artifact/resolve.mts";
import { usageLines } from "../pki/fixture.mts";
import { archive, folder, HERE, program, releases, sha256, web } from "./fixture.mts";

const V = "2.15.1";
const STEM = `nats-server-v${V}-linux-amd64`;
const ARCHIVE = `/v${V}/${STEM}.tar.gz`,
  SUMS = `/v${V}/SHA256SUMS`;
const cached = (cacheDir: string): string => join(cacheDir, readdirSync(cacheDir).find((n) => n.startsWith(STEM) && !n.endsWith(".sha256"))!, "nats-server");

t.test("the official layout: archive checked against SHA256SUMS, the program taken out", async (t) => {
  const site = await releases(t, { version: V });
  const found = await resolveArtifact({ version: V, arch: "x86_64", source: { github: site.url }, cacheDir: folder(t) });
  const bytes = program(V);
  t.strictSame({ ...found, path: "" }, { sha256: sha256(bytes), size: bytes.length, version: V, path: "" });
  t.strictSame(readFileSync(found.path), bytes);
  t.equal(statSync(found.path).mode & 0o777, 0o755);
});

t.test("SAMPAN_NATS_RELEASES stands in for the official releases", async (t) => {
  const site = await releases(t, { version: V });
  process.env["SAMPAN_NATS_RELEASES"] = `${site.url}/`;
  t.teardown(() => {
    delete process.env["SAMPAN_NATS_RELEASES"];
  });
  await resolveArtifact({ version: V, arch: "amd64", source: { github: true }, cacheDir: folder(t) });
  t.strictSame(site.asked, [SUMS, ARCHIVE]);
});

t.test("a cached program needs no network", async (t) => {
  const site = await releases(t, { version: V });
  const wanted = { version: V, arch: "amd64", source: { github: site.url }, cacheDir: folder(t) };
  const first = await resolveArtifact(wanted);
  await site.close();
  t.strictSame(await resolveArtifact(wanted), first);
});

t.test("hosts that ask at once share one download", async (t) => {
  const site = await releases(t, { version: V });
  const wanted = { version: V, arch: "amd64", source: { github: site.url }, cacheDir: folder(t) };
  await Promise.all([1, 2, 3].map(() => resolveArtifact(wanted)));
  t.strictSame(site.asked, [SUMS, ARCHIVE]);
});

t.test("runs that ask at once all get the same whole program, and leave nothing else", async (t) => {
  const site = await releases(t, { version: V });
  const cacheDir = folder(t);
  const code = `import { resolveArtifact } from ${JSON.stringify(fileURLToPath(new URL("../../lib/artifact/resolve.mts", import.meta.url)))};
    console.log(JSON.stringify(await resolveArtifact(${JSON.stringify({ version: V, arch: "amd64", source: { github: site.url }, cacheDir })})));`;
  const loader = fileURLToPath(new URL("../../node_modules/tsx/dist/esm/index.mjs", import.meta.url));
  const runs = Array.from({ length: 5 }, () => promisify(execFile)(process.execPath, ["--import", loader, "--input-type=module", "-e", code], { cwd: "/" }));
  const seen = await Promise.all(runs);
  t.equal(new Set(seen.map((s) => s.stdout)).size, 1);
  t.equal(readdirSync(cacheDir).length, 2, "the program's folder and the checksum");
});

t.test("a cached program that was changed is fetched again", async (t) => {
  const site = await releases(t, { version: V });
  const cacheDir = folder(t);
  const wanted = { version: V, arch: "amd64", source: { github: site.url }, cacheDir };
  const { path } = await resolveArtifact(wanted);
  utimesSync(path, 1, 1);
  await resolveArtifact(wanted);
  const bytes = program(V);
  bytes[bytes.length - 1] = 0x21;
  writeFileSync(path, bytes); // same size, same inode
  utimesSync(path, 1, 1); // and the same modification time
  const again = await resolveArtifact(wanted);
  t.strictSame(readFileSync(again.path), program(V));
  t.equal(again.sha256, sha256(program(V)));
});

t.test("a cached program that was only touched is hashed and kept", async (t) => {
  const site = await releases(t, { version: V });
  const wanted = { version: V, arch: "amd64", source: { github: site.url }, cacheDir: folder(t) };
  const { path } = await resolveArtifact(wanted);
  utimesSync(path, 1, 1);
  await resolveArtifact(wanted);
  t.strictSame(site.asked, [SUMS, ARCHIVE]);
});

t.test("an entry cut short is made anew", async (t) => {
  const site = await releases(t, { version: V });
  const wanted = { version: V, arch: "amd64", source: { github: site.url }, cacheDir: folder(t) };
  const { path } = await resolveArtifact(wanted);
  writeFileSync(join(path, "../entry.json"), "{");
  t.equal((await resolveArtifact(wanted)).path, path);
  t.ok(JSON.parse(readFileSync(join(path, "../entry.json"), "utf8")));
});

t.test("what killed runs left is swept away after an hour", async (t) => {
  const site = await releases(t, { version: V });
  const cacheDir = folder(t);
  for (const name of [`${STEM}-x.part-old`, `${STEM}-x.part-new`]) mkdirSync(join(cacheDir, name));
  utimesSync(join(cacheDir, `${STEM}-x.part-old`), 1, 1);
  await resolveArtifact({ version: V, arch: "amd64", source: { github: site.url }, cacheDir });
  t.strictSame(
    readdirSync(cacheDir).filter((n) => n.includes(".part-")),
    [`${STEM}-x.part-new`],
  );
});

t.test("url: placeholders are filled in and the given checksum holds", async (t) => {
  const body = archive(t, { "bin/nats-server": program(V) });
  const site = await web(t, { [`/x/${V}/amd64.tgz`]: body });
  const source = { url: `${site.url}/x/{version}/{arch}.tgz`, sha256: sha256(body).toUpperCase() };
  t.equal((await resolveArtifact({ version: V, arch: "x86_64", source, cacheDir: folder(t) })).sha256, sha256(program(V)));
});

t.test("members may be written with ./ before them, as GNU tar does for a folder", async (t) => {
  const dir = folder(t),
    file = join(dir, "a.tar.gz");
  mkdirSync(join(dir, "in", STEM), { recursive: true });
  writeFileSync(join(dir, "in", STEM, "nats-server"), program(V));
  execFileSync("tar", ["-czf", file, "-C", join(dir, "in"), "."]);
  t.equal((await resolveArtifact({ version: V, arch: "amd64", source: { file }, cacheDir: folder(t) })).sha256, sha256(program(V)));
});

t.test("url: the program itself, unpacked", async (t) => {
  const site = await web(t, { "/nats-server": program(V) });
  const found = await resolveArtifact({
    version: V,
    arch: "amd64",
    source: { url: `${site.url}/nats-server`, sha256: sha256(program(V)) },
    cacheDir: folder(t),
  });
  t.equal(found.sha256, sha256(program(V)));
});

t.test("another checksum in the inventory doesn't take the cached program", async (t) => {
  const site = await web(t, { "/nats-server": program(V) });
  const ask = (sum: string): ReturnType<typeof resolveArtifact> =>
    resolveArtifact({ version: V, arch: "amd64", source: { url: `${site.url}/nats-server`, sha256: sum }, cacheDir });
  const cacheDir = folder(t);
  await ask(sha256(program(V)));
  t.strictSame(await usageLines(() => ask("1".repeat(64))), [
    `${site.url}/nats-server: has the SHA-256 checksum ${sha256(program(V))}, but nats_source.sha256 says ${"1".repeat(64)}; don't use it, check the source`,
  ]);
});

t.test("file: a program is used where it is", async (t) => {
  const dir = folder(t);
  writeFileSync(join(dir, `ns-${V}-amd64`), program(V), { mode: 0o755 });
  const found = await resolveArtifact({ version: V, arch: "x86_64", source: { file: join(dir, "ns-{version}-{arch}") }, cacheDir: folder(t) });
  t.strictSame(found, { sha256: sha256(program(V)), size: program(V).length, path: join(dir, `ns-${V}-amd64`), version: V });
});

t.test("file: one that changes is noticed", async (t) => {
  const file = join(folder(t), "nats-server"),
    cacheDir = folder(t);
  writeFileSync(file, program(V), { mode: 0o755 });
  await resolveArtifact({ version: V, arch: "amd64", source: { file }, cacheDir });
  const other = Buffer.concat([program(V), Buffer.from("!")]);
  writeFileSync(file, other);
  t.equal((await resolveArtifact({ version: V, arch: "amd64", source: { file }, cacheDir })).sha256, sha256(other));
});

t.test("file: an archive is unpacked into the cache, and again when it changes", async (t) => {
  const file = join(folder(t), "a.tar.gz"),
    cacheDir = folder(t);
  writeFileSync(file, archive(t, { [`${STEM}/nats-server`]: program(V) }));
  const ask = (): ReturnType<typeof resolveArtifact> => resolveArtifact({ version: V, arch: "amd64", source: { file }, cacheDir });
  t.equal((await ask()).path, cached(cacheDir));
  const other = Buffer.concat([program(V), Buffer.from("!")]);
  writeFileSync(file, archive(t, { [`${STEM}/nats-server`]: other }));
  t.equal((await ask()).sha256, sha256(other));
});

t.test("a program for another machine is found by its ELF header, without being run", async (t) => {
  const site = await releases(t, { version: V, arch: "arm64" });
  const found = await resolveArtifact({ version: V, arch: "aarch64", source: { github: site.url }, cacheDir: folder(t) });
  t.equal(found.sha256, sha256(program(V, "arm64")));
});

t.test("the cache's place follows SAMPAN_CACHE, then XDG_CACHE_HOME", (t) => {
  t.equal(artifactCache({ SAMPAN_CACHE: "/s", XDG_CACHE_HOME: "/x" }), "/s/artifacts");
  t.equal(artifactCache({ XDG_CACHE_HOME: "/x" }), "/x/sampan/artifacts");
  t.match(artifactCache({}), /\/\.cache\/sampan\/artifacts$/);
  t.end();
});

t.test("fetch: host gets the URL, the archive's checksum and the member's path, and asks once", async (t) => {
  const site = await releases(t, { version: V });
  const wanted = { version: V, arch: "x86_64", source: { github: site.url }, cacheDir: folder(t) };
  const expected = { url: site.url + ARCHIVE, sha256: sha256(site.files[ARCHIVE]!), member: `${STEM}/nats-server` };
  t.strictSame(await hostFetch(wanted), expected);
  await site.close();
  t.strictSame(await hostFetch(wanted), expected);
  t.strictSame(site.asked, [SUMS]);
});

t.test("fetch: host with a plain program has no member", async (t) => {
  t.strictSame(
    await hostFetch({ version: V, arch: "amd64", source: { url: "https://example.com/ns-{version}", sha256: "a".repeat(64) }, cacheDir: folder(t) }),
    { url: `https://example.com/ns-${V}`, sha256: "a".repeat(64) },
  );
});

t.test("a real nats-server is taken for what it is", { skip: existsSync(realServer()) ? false : "no nats-server here; the lab brings one" }, async (t) => {
  const version = execFileSync(realServer(), ["--version"], { encoding: "utf8" })
    .trim()
    .replace(/^nats-server: v/, "");
  const found = await resolveArtifact({ version, arch: HERE, source: { file: realServer() }, cacheDir: folder(t) });
  t.equal(found.sha256, sha256(readFileSync(realServer())));
  t.strictSame(await usageLines(() => resolveArtifact({ version: "2.99.0", arch: HERE, source: { file: realServer() }, cacheDir: folder(t) })), [
    `${realServer()}: nats-server is version ${version}, not 2.99.0; correct nats_version or nats_source`,
  ]);
});
function realServer(): string {
  return join(artifactCache(), `../nats-server/${V}/nats-server`);
}

t.test("a file without the x bit can't be asked for its version, and is taken", async (t) => {
  const file = join(folder(t), "nats-server");
  writeFileSync(file, program("9.9.9"));
  chmodSync(file, 0o644);
  t.ok(await resolveArtifact({ version: V, arch: "amd64", source: { file }, cacheDir: folder(t) }));
});
