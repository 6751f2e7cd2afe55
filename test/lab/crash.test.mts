import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { processesIn } from "../../lib/lab/cgroup.mts";
import type { Lab } from "../../lib/lab/lab.mts";
import { namesOf } from "../../lib/lab/region.mts";
import { skip, startLab, testLab, traces } from "./fixture.mts";

t.setTimeout(600_000); // the first lab on a machine installs tools and builds the root system

async function killedUp(region: string, after: number): Promise<void> {
  const child = startLab("up", "--nodes", "2", "--region", region);
  const exit = once(child, "exit");
  await sleep(after);
  child.kill("SIGKILL");
  await exit;
}

const healthy = async (lab: Lab): Promise<boolean> => (await lab.status()).hosts.every(({ up }) => up);

t.test("an `up` that was killed half-way", { skip }, async (t) => {
  const lab = testLab(t, "crash");
  await lab.up({ nodes: 1 }); // tools, tree and binary are there from here on
  await lab.down();
  for (const after of [250, 400, 550, 800]) {
    await killedUp(lab.region, after);
    t.match(await lab.up({ nodes: 2 }), { hosts: [{ up: true }, { up: true }] }, `killed after ${after} ms: up heals it`);
    t.equal((await lab.exec("nats-node-2", ["systemctl", "is-system-running"])).stdout.trim(), "running");
    await lab.down();
    t.same(traces(lab.region), [], "and down leaves nothing");
  }
  for (const after of [300, 450, 600]) {
    await killedUp(lab.region, after);
    await lab.down();
    t.same(traces(lab.region), [], `killed after ${after} ms: down leaves nothing`);
  }
});

t.test("accidents of a running lab", { skip }, async (t) => {
  const lab = testLab(t, "accident");
  const names = namesOf(lab.region);
  await lab.up({ nodes: 2 });

  const pidOf = async (host: string, what: RegExp): Promise<number> => {
    for (const pid of await processesIn(names.cgroup(host))) if (what.test(readFileSync(`/proc/${pid}/status`, "utf8"))) return pid;
    throw new Error(`${host} has no such process`);
  };
  const init = /^NSpid:\s+\d+\s+1$/m,
    supervisor = /^Name:\s+systemd-nspawn$/m;

  t.test("its init is killed", async (t) => {
    await lab.exec("nats-node-1", ["sh", "-c", "echo kept >/root/file; sync"]);
    process.kill(await pidOf("nats-node-1", init), "SIGKILL");
    await sleep(200);
    t.match(await lab.status(), { hosts: [{ up: false }, { up: true }] });
    await lab.up();
    t.ok(await healthy(lab));
    t.equal((await lab.exec("nats-node-1", ["cat", "/root/file"])).stdout, "kept\n", "with its disk");
  });

  t.test("systemd-nspawn is killed", async (t) => {
    process.kill(await pidOf("nats-node-2", supervisor), "SIGKILL");
    await sleep(200);
    await lab.up();
    t.ok(await healthy(lab));
  });

  t.test("its network is removed", async (t) => {
    execFileSync("ip", ["netns", "del", names.switch]);
    await lab.up();
    t.ok(await healthy(lab));
  });

  t.test("links are down and hosts cut off", async (t) => {
    await lab.linkDown("nats-node-1");
    await lab.partition("nats-node-1", "nats-node-2");
    await lab.up();
    const peer = (await lab.status()).hosts[1]?.address ?? "";
    await sleep(1100); // the first answer to an address that was unreachable takes a second
    t.equal((await lab.exec("nats-node-1", ["timeout", "2", "bash", "-c", `</dev/tcp/${peer}/22`])).code, 0);
  });

  t.test("this machine restarts: only disks are left", async (t) => {
    for (const { name } of (await lab.status()).hosts) await lab.powerCut(name);
    execFileSync("ip", ["netns", "del", names.switch]);
    rmSync(`/run/sampan-lab/${lab.region}.json`);
    t.match(await lab.up(), { hosts: [{ up: true }, { up: true }] });
    t.equal((await lab.exec("nats-node-1", ["cat", "/root/file"])).stdout, "kept\n");
  });

  t.test("its state file is lost: down finds it all the same", async (t) => {
    rmSync(`/run/sampan-lab/${lab.region}.json`);
    process.kill(await pidOf("nats-node-1", init), "SIGKILL");
    process.kill(await pidOf("nats-node-2", supervisor), "SIGKILL");
    await lab.down();
    t.same(traces(lab.region), []);
  });
});
