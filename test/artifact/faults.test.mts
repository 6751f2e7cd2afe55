import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { archOf, elfFault } from "../../lib/artifact/arch.mts";
import { type ArtifactSource, hostFetch, resolveArtifact } from "../../lib/artifact/resolve.mts";
import { usageLines } from "../pki/fixture.mts";
import { archive, folder, HERE, program, releases, sha256, type Web, web } from "./fixture.mts";

const V = "2.15.1";
const STEM = `nats-server-v${V}-linux-amd64`;
const ARCHIVE = `/v${V}/${STEM}.tar.gz`,
  SUMS = `/v${V}/SHA256SUMS`;
const OTHERWISE = "or fetch it by other means and set nats_source: { file: … }";

/** The lines for a source that can't be used; the cache must stay without a program. */
async function lines(t: Test, source: ArtifactSource, more: { version?: string; arch?: string; stallSeconds?: number } = {}): Promise<readonly string[]> {
  const cacheDir = folder(t);
  const found = await usageLines(() => resolveArtifact({ version: V, arch: "amd64", source, cacheDir, ...more }));
  t.strictSame(
    readdirSync(cacheDir).filter((n) => !n.endsWith(".sha256")),
    [],
    "nothing is left in the cache",
  );
  return found;
}
const file = (t: Test, bytes: Buffer): string => {
  const path = join(folder(t), "given");
  writeFileSync(path, bytes, { mode: 0o755 });
  return path;
};
const broken = async (t: Test, answer: Web["answer"]): Promise<Web> => Object.assign(await releases(t, { version: V }), { answer });

t.test("a version that isn't released", async (t) => {
  const site = await releases(t, { version: V });
  t.strictSame(await lines(t, { github: site.url }, { version: "2.99.0" }), [
    `${site.url}/v2.99.0/SHA256SUMS: there is no such file (404); check nats_version and nats_source`,
  ]);
});

t.test("a machine for which that version isn't released", async (t) => {
  const site = await releases(t, { version: V });
  t.strictSame(await lines(t, { github: site.url }, { arch: "s390x" }), [
    `${site.url}${SUMS}: lists no checksum for nats-server-v${V}-linux-s390x.tar.gz; check nats_version (is it released for this machine?)`,
  ]);
});

t.test("a machine that nats-server knows nothing of", async (t) => {
  t.strictSame(await usageLines(() => archOf("sparc")), [
    'nats-server isn\'t released for "sparc"; it is for amd64, arm64, arm7, arm6, 386, ppc64le, s390x, mips64le',
  ]);
});

t.test("an archive with the wrong checksum, and the corrected list is read next time", async (t) => {
  const site = await releases(t, { version: V });
  const good = site.files[SUMS]!;
  site.files[SUMS] = Buffer.from(`${"1".repeat(64)}  ${STEM}.tar.gz\n`);
  const cacheDir = folder(t);
  const ask = (): ReturnType<typeof resolveArtifact> => resolveArtifact({ version: V, arch: "amd64", source: { github: site.url }, cacheDir });
  t.strictSame(await usageLines(ask), [
    `${site.url}${ARCHIVE}: has the SHA-256 checksum ${sha256(site.files[ARCHIVE]!)}, but ${site.url}${SUMS} says ${"1".repeat(64)}; don't use it, check the source`,
  ]);
  site.files[SUMS] = good;
  t.ok(await ask());
});

t.test("a server that answers 503 is asked three times", async (t) => {
  const site = await broken(t, (_, response) => {
    response.writeHead(503).end();
    return true;
  });
  t.strictSame(await lines(t, { github: site.url }), [`${site.url}${SUMS}: the server answers 503 (tried 3 times); check the network, ${OTHERWISE}`]);
  t.strictSame(site.asked, [SUMS, SUMS, SUMS]);
});

t.test("a server that recovers is fetched from", async (t) => {
  let n = 0;
  const site = await broken(t, (_, response) => {
    if (n++) return false;
    response.writeHead(502).end();
    return true;
  });
  t.ok(await resolveArtifact({ version: V, arch: "amd64", source: { github: site.url }, cacheDir: folder(t) }));
});

t.test("a server that forbids is asked once", async (t) => {
  const site = await broken(t, (_, response) => {
    response.writeHead(403).end();
    return true;
  });
  t.strictSame(await lines(t, { github: site.url }), [`${site.url}${SUMS}: the server answers 403; check nats_source, ${OTHERWISE}`]);
  t.strictSame(site.asked, [SUMS]);
});

t.test("nobody listens", async (t) => {
  const site = await web(t);
  await site.close();
  t.strictSame(await lines(t, { github: site.url }), [`${site.url}${SUMS}: connection refused (tried 3 times); check the network, ${OTHERWISE}`]);
});

t.test("a name that nobody knows", async (t) => {
  t.strictSame(await lines(t, { url: "http://sampan.invalid/x", sha256: "a".repeat(64) }), [
    `http://sampan.invalid/x: its name can't be resolved (tried 3 times); check the network, ${OTHERWISE}`,
  ]);
});

t.test("a download that breaks off", async (t) => {
  const site = await broken(t, ({ url }, response) => {
    if (url !== ARCHIVE) return false;
    response.writeHead(200, { "content-length": 1000 }).write("abc", () => response.destroy());
    return true;
  });
  t.strictSame(await lines(t, { github: site.url }), [`${site.url}${ARCHIVE}: connection broken off (tried 3 times); check the network, ${OTHERWISE}`]);
});

t.test("a server that goes silent", async (t) => {
  const site = await broken(t, ({ url }, response) => {
    if (url !== ARCHIVE) return false;
    response.writeHead(200, { "content-length": 1000 }).write("abc");
    return true;
  });
  t.strictSame(await lines(t, { github: site.url }, { stallSeconds: 0.2 }), [
    `${site.url}${ARCHIVE}: sent nothing for 0.2 s (tried 3 times); check the network, ${OTHERWISE}`,
  ]);
});

t.test("a slow server that keeps sending is waited for", async (t) => {
  const site = await broken(t, ({ url }, response) => {
    if (url !== ARCHIVE) return false;
    const body = site.files[ARCHIVE]!,
      step = Math.ceil(body.length / 6);
    let at = 0;
    const next = setInterval(() => {
      response.write(body.subarray(at, (at += step)));
      if (at >= body.length) {
        clearInterval(next);
        response.end();
      }
    }, 150);
    return true;
  });
  t.ok(await resolveArtifact({ version: V, arch: "amd64", source: { github: site.url }, cacheDir: folder(t), stallSeconds: 0.6 }));
});

t.test("redirects are followed, as GitHub's downloads need", async (t) => {
  const site = await broken(t, ({ url }, response) => {
    if (url !== ARCHIVE) return false;
    response.writeHead(302, { location: "/elsewhere" }).end();
    return true;
  });
  site.files["/elsewhere"] = site.files[ARCHIVE]!;
  t.ok(await resolveArtifact({ version: V, arch: "amd64", source: { github: site.url }, cacheDir: folder(t) }));
});

t.test("no file where nats_source.file points", async (t) => {
  t.strictSame(await lines(t, { file: "/none/{version}" }), [`/none/${V}: there is no such file on this machine; correct nats_source.file`]);
});

t.test("a file with the wrong checksum", async (t) => {
  const path = file(t, program(V));
  t.strictSame(await lines(t, { file: path, sha256: "2".repeat(64) }), [
    `${path}: has the SHA-256 checksum ${sha256(program(V))}, but nats_source.sha256 says ${"2".repeat(64)}; don't use it, check the source`,
  ]);
});

t.test("an archive cut short", async (t) => {
  const whole = archive(t, { [`${STEM}/nats-server`]: program(V) });
  const path = file(t, whole.subarray(0, whole.length - 20));
  t.match((await lines(t, { file: path }))[0], new RegExp(`^${path}: the archive is damaged or cut short \\(.*unexpected end of file\\); fetch it anew$`, "i"));
});

t.test("an archive without nats-server", async (t) => {
  const path = file(t, archive(t, { "README.md": Buffer.from("x"), "nats-server-notes": Buffer.from("x") }));
  t.strictSame(await lines(t, { file: path }), [`${path}: the archive has no nats-server in it; correct nats_source`]);
});

t.test("an archive whose nats-server is a link out of it", async (t) => {
  const path = file(t, archive(t, { "x/nats-server": "/bin/sh" }));
  t.strictSame(await lines(t, { file: path }), [`${path}: nats-server is no Linux program (no ELF header); correct nats_version or nats_source`]);
});

t.test("a web page in the place of an archive", async (t) => {
  const page = Buffer.from("<!DOCTYPE html><title>Sign in</title>");
  const site = await web(t, { "/x.tar.gz": page });
  t.strictSame(await lines(t, { url: `${site.url}/x.tar.gz`, sha256: sha256(page) }), [
    `${site.url}/x.tar.gz: is neither a tar.gz nor a program (it begins with "<!DOCTYPE html><titl"); correct nats_source`,
  ]);
});

t.test("a program for another machine", async (t) => {
  const path = file(t, program(V, "arm64"));
  t.strictSame(await lines(t, { file: path }), [`${path}: nats-server is a program for arm64, not for amd64; correct nats_version or nats_source`]);
});

t.test("the machines of 32 bits and big-endian ones are told apart", (t) => {
  const elf = (bits: number, order: number, machine: number): Buffer =>
    Buffer.from([0x7f, 0x45, 0x4c, 0x46, bits, order, 1, ...Array<number>(11).fill(0), ...(order === 2 ? [0, machine] : [machine, 0])]);
  t.equal(elfFault(elf(2, 2, 22), "s390x"), undefined);
  t.equal(elfFault(elf(1, 1, 40), "arm6"), undefined);
  t.equal(elfFault(elf(1, 1, 40), "arm64"), "is a program for arm7, not for arm64");
  t.equal(elfFault(elf(2, 2, 21), "ppc64le"), "is a program for another machine (e_machine 21), not for ppc64le");
  t.end();
});

t.test("what runs here is asked for its version", { skip: HERE === "amd64" ? false : "the made-up program is for amd64" }, async (t) => {
  const other = file(t, program("2.10.27"));
  t.strictSame(await lines(t, { file: other }), [`${other}: nats-server is version 2.10.27, not ${V}; correct nats_version or nats_source`]);
  const wrong = file(t, program(V, "amd64", "usage: frobnicate\n"));
  t.strictSame(await lines(t, { file: wrong }), [
    `${wrong}: nats-server doesn't say its version when run with --version ("usage: frobnicate"); correct nats_version or nats_source`,
  ]);
});

t.test("a source without what it needs", async (t) => {
  t.strictSame(await lines(t, { url: "https://example.com/x", sha256: "" }), [
    "nats_source.url https://example.com/x has no sha256 beside it; add the checksum of the file behind it",
  ]);
  t.strictSame(await lines(t, { url: "https://example.com/x", sha256: "abc" }), [
    'nats_source.sha256 "abc" isn\'t a SHA-256 checksum; write its 64 hexadecimal digits',
  ]);
  t.strictSame(await lines(t, { github: "github.com/x" }), ['nats_source: "github.com/x" isn\'t a web address; write it as https://…']);
  t.strictSame(await lines(t, { github: true }, { version: "../2" }), ['nats_version "../2" isn\'t a version; write it as 2.15.1']);
});

t.test("fetch: host from a file of the controller", async (t) => {
  t.strictSame(await usageLines(() => hostFetch({ version: V, arch: "amd64", source: { file: "/x" } })), [
    "nats_fetch: host can't be used with nats_source.file /x, which only this machine has; set nats_fetch: controller",
  ]);
});

t.test("a cache folder that can't be", async (t) => {
  const cacheDir = join(file(t, program(V)), "artifacts");
  t.strictSame(await usageLines(() => resolveArtifact({ version: V, arch: "amd64", source: { file: file(t, program(V)) }, cacheDir })), [
    `${cacheDir}: can't be read or written (ENOTDIR); make room and access there, or choose another cache folder with SAMPAN_CACHE`,
  ]);
});
