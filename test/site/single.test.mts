import { execFileSync } from "node:child_process";
import t from "tap";
import { skip } from "../lab/fixture.mts";
import { archive, program, releases } from "../support/releases.mts";
import { exits } from "../support/result.mts";
import { siteLab } from "../support/site.mts";

t.setTimeout(900_000);

const vars = (more = ""): string => `lame_duck_grace_period: 1s\nverify: { rate: 1000, seconds: 1 }\nssh: { user: ops }\nbecome: true\n${more}`;

t.test("one host, as an ordinary user with sudo, from every kind of source", { skip }, async (t) => {
  const site = await siteLab(t, "single", 1);
  const [name] = site.names as [string];
  const web = await releases(t, "2.10.27", "2.15.1");
  const gateway = (await site.lab.status()).gateway!;
  const url = `${web.url(gateway)}/plain/nats-server-{version}`;
  const sum = web.sha256(program("2.15.1"));
  site.env = { SAMPAN_NATS_RELEASES: web.url(gateway), SAMPAN_CACHE: web.cache };
  site.vars(vars());

  for (const [what, source, words] of [
    ["a checksum that isn't the file's", `{ url: "${url}", sha256: "${"0".repeat(64)}" }`, /sha256|checksum/i],
    ["an address that has nothing", `{ url: "${web.url(gateway)}/nothing", sha256: "${sum}" }`, /404/],
    ["a program of another version", `{ url: "${web.url(gateway)}/${program("2.10.27")}", sha256: "${web.sha256(program("2.10.27"))}" }`, /2\.10\.27/],
  ] as const) {
    t.test(`${what}: status 3, and the host is as bare as before`, async (t) => {
      site.source(source);
      const run = await site.run();
      exits(t, run, 3);
      t.same(run.of("task_end"), [], "no task has begun");
      t.match(
        run
          .of("warning")
          .map((w) => w.text)
          .join("\n") + run.stderr,
        words,
      );
      await t.rejects(site.sh(name, "ls -d /opt/nats-server /etc/nats /var/log/sampan 2>/dev/null | grep ."));
    });
  }

  t.test("url with its checksum: rollout and verify of a single server", async (t) => {
    site.source(`{ url: "${url}", sha256: "${sum}" }`);
    const run = await site.run();
    exits(t, run, 0);
    t.ok(run.ends("ok").some((e) => e.role === "verify" && e.task === "pull from a stream"));
    const { streams, servers } = await site.state();
    t.match(servers, [{ version: "2.15.1", cluster: "", routes: [] }]);
    t.equal(streams.find((s) => s.name === "LOGS")?.config.num_replicas, 1);
    t.match(await site.sh(name, "tail -n 1 /var/log/sampan/audit.log"), / site /);
    exits(t, await site.run("--check"), 0);
    t.same((await site.rollout()).deviations, []);
  });

  t.test("a restart of a single server waits for nobody, and is done", async (t) => {
    const before = await site.servers();
    const run = await site.run("-e", "jetstream.sync_interval=always");
    exits(t, run, 0);
    t.ok(run.deviations.includes(`${name}: handler reload or restart nats-server changed`));
    t.not((await site.servers())[name]!.pid, before[name]!.pid);
    await site.rollout();
  });

  t.test("another version beside it, and back in one run, without fetching or restarting", async (t) => {
    const before = await site.servers();
    site.source("{ github: true }");
    const asked = web.asked.length;
    const refused = await site.run("--role", "nats-install", "-e", "nats_version=2.10.27");
    t.equal(refused.status, 3);
    t.match(refused.stderr, /has streams written by 2\.15\.1, which 2\.10\.27 can't read/);
    const other = await site.run("--role", "nats-install", "-e", "nats_version=2.10.27", "-e", "allow_unsupported_downgrade=true");
    exits(t, other, 0);
    t.same(other.deviations, [`${name}: artifact /opt/nats-server/2.10.27/nats-server changed`, `${name}: symlink /usr/local/bin/nats-server changed`]);
    t.same(web.asked.slice(asked).sort(), ["/v2.10.27/SHA256SUMS", `/${archive("2.10.27")}`]);
    site.source(`{ url: "${url}", sha256: "${sum}" }`);
    const back = await site.run();
    exits(t, back, 0);
    t.same(back.deviations, [`${name}: symlink /usr/local/bin/nats-server changed`]);
    t.equal(web.asked.length, asked + 2, "nothing fetched");
    t.same(await site.servers(), before, "the server had never been another");
  });

  t.test("nats_fetch: host without curl and wget: says so, and what to do", async (t) => {
    await site.sh(name, "rm -r /opt/nats-server");
    site.vars(vars("nats_fetch: host\n"));
    const run = await site.run();
    exits(t, run, 1);
    t.match(run.ends("failed")[0], {
      task: "fetched /opt/nats-server/2.15.1/nats-server",
      failure: { what: /neither curl nor wget/, next: /nats_fetch: controller/ },
    });
  });

  t.test("nats_fetch: host with curl: the host fetches, verified", async (t) => {
    await curlTo();
    site.source("{ github: true }");
    const asked = web.asked.length;
    const run = await site.run();
    exits(t, run, 0);
    t.same(run.deviations, [`${name}: fetched /opt/nats-server/2.15.1/nats-server changed`]);
    t.ok(web.asked.slice(asked).includes(`/${archive("2.15.1")}`));
    t.same((await site.rollout()).deviations, []);
    t.equal(await site.sh(name, "sha256sum </usr/local/bin/nats-server"), `${sum}  -`);
  });

  /** This machine's curl with its libraries, as the lab's hosts have no network to install one from. */
  async function curlTo(): Promise<void> {
    const libraries = [...execFileSync("ldd", ["/usr/bin/curl"], { encoding: "utf8" }).matchAll(/(\/\S+) \(0x/g)].map((m) => m[1]!);
    const tar = execFileSync("tar", ["-chf", "-", "--transform", "s,.*/,,", "/usr/bin/curl", ...libraries], {
      maxBuffer: 1 << 28,
      stdio: ["ignore", "pipe", "ignore"],
      encoding: "latin1",
    });
    const loader = libraries.find((l) => /\/ld-linux/.test(l))!.replace(/.*\//, "");
    await site.lab.exec(
      name,
      [
        "sh",
        "-c",
        `mkdir -p /opt/curl && base64 -d | tar -xf - -C /opt/curl
      printf '#!/bin/sh\\nexec /opt/curl/${loader} --library-path /opt/curl /opt/curl/curl "$@"\\n' >/usr/local/bin/curl && chmod +x /usr/local/bin/curl`,
      ],
      { input: Buffer.from(tar, "latin1").toString("base64") },
    );
  }
});
