import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { ensureBinary } from "../../lib/lab/binaries.mts";
import { silent } from "../../lib/lab/report.mts";
import { ensureRootfs } from "../../lib/lab/rootfs.mts";
import { run } from "../../lib/lab/run.mts";
import { ensureTools } from "../../lib/lab/setup.mts";
import { root, skip } from "./fixture.mts";

t.setTimeout(600_000); // the first lab on a machine installs tools and builds the root system

t.test("an empty cache fills itself", { skip }, async (t) => {
  const cache = t.testdir({});
  process.env["SAMPAN_CACHE"] = cache;
  const offline = (): void => {
    process.env["SAMPAN_DEBIAN_MIRROR"] = "http://127.0.0.1:9/debian";
  };
  const online = (): void => {
    delete process.env["SAMPAN_DEBIAN_MIRROR"];
  };
  await ensureTools(silent);

  t.test("a binary that the trusted keys didn't sign is refused", async (t) => {
    await t.rejects(ensureBinary("2.9.10", silent, "/usr/share/keyrings/debian-archive-removed-keys.gpg"), {
      message: /can't get nats-server 2\.9\.10 .*(NO_PUBKEY|not signed)/s,
    });
    t.same(
      readdirSync(join(cache, "nats-server")).filter((name) => !name.startsWith(".")),
      [],
      "and nothing stays",
    );
  });

  t.test("a binary is fetched, verified and kept", async (t) => {
    const binary = await ensureBinary("2.9.10", silent);
    t.equal((await run(binary, ["--version"])).trim(), "nats-server: v2.9.10");
    offline();
    t.equal(await ensureBinary("2.9.10", silent), binary, "no second download");
    await t.rejects(ensureBinary("2.15.1", silent), { message: /can't get nats-server 2\.15\.1 from Debian forky/, fix: /apt-get update/ });
    online();
    await t.rejects(ensureBinary("2.9.9", silent), { message: "no Debian release holds nats-server 2.9.9", fix: "choose one of 2.9.10, 2.10.27, 2.15.1" });
  });

  t.test("a build of the root system that is killed leaves nothing that is used or runs on", async (t) => {
    const script = `import { ensureRootfs } from "./lib/lab/rootfs.mts"; import { silent } from "./lib/lab/report.mts"; await ensureRootfs(silent);`;
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], { cwd: root, stdio: "ignore" });
    const folder = join(cache, "rootfs");
    while (!existsSync(folder) || !readdirSync(folder).some((name) => name.endsWith(".partial"))) await sleep(50);
    await sleep(1500);
    t.ok(builders(folder).length > 0, "the search finds the build");
    child.kill("SIGKILL");
    await once(child, "exit");
    await sleep(300);
    t.same(builders(folder), []);
    t.notMatch(readFileSync("/proc/mounts", "utf8"), folder);
    t.same(
      readdirSync(folder).filter((name) => !name.startsWith(".") && !name.endsWith(".partial")),
      [],
    );
  });

  t.test("the next build starts afresh", async (t) => {
    mkdirSync(join(cache, "rootfs/old.partial/etc"), { recursive: true });
    writeFileSync(join(cache, "rootfs/old.partial/etc/x"), "");
    const tree = await ensureRootfs(silent);
    t.ok(existsSync(join(tree, "usr/bin/flock")) && existsSync(join(tree, "usr/sbin/sshd")));
    t.notOk(existsSync(join(tree, "etc/ssh/ssh_host_ed25519_key")), "no keys that hosts would share");
    t.notOk(existsSync(join(tree, "etc/hostname")), "nor this machine's name");
    t.equal(readFileSync(join(tree, "etc/machine-id"), "utf8"), "");
    t.same(
      readdirSync(join(cache, "rootfs")).filter((name) => name.endsWith(".partial")),
      [],
    );
    offline();
    t.equal(await ensureRootfs(silent), tree, "kept");
    online();
  });
});

/** Processes with this folder in their arguments, ended ones left out. */
function builders(folder: string): string[] {
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => {
      try {
        const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        return args.includes(folder) ? [args] : [];
      } catch {
        return [];
      }
    });
}
