import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { skip } from "../lab/fixture.mts";
import type { Result } from "../support/result.mts";
import { exits } from "../support/result.mts";
import { type Site, siteLab } from "../support/site.mts";

t.setTimeout(1_200_000);

const CLUSTERS: Record<string, readonly number[]> = { alpha: [1, 2, 3], beta: [4, 5, 6], gamma: [7, 8, 9] };
const named = (n: number): string => `nats-node-${n}`;

/** Nine hosts, three to a cluster, each cluster a group with a name of its own. */
function inventory(site: Site): void {
  const group = (hosts: readonly number[]): string => hosts.map((n) => `          ${named(n)}: { address: ${site.address(named(n))} }\n`).join("");
  writeFileSync(
    join(site.inventory, "hosts.yml"),
    `nats:\n  children:\n${Object.entries(CLUSTERS)
      .map(([name, hosts]) => `    ${name}:\n      hosts:\n${group(hosts)}`)
      .join("")}`,
  );
  mkdirSync(join(site.inventory, "group_vars"), { recursive: true });
  for (const name of Object.keys(CLUSTERS)) writeFileSync(join(site.inventory, `group_vars/${name}.yml`), `cluster: { name: ${name} }\n`);
  const all = join(site.inventory, "group_vars/all.yml");
  writeFileSync(
    all,
    readFileSync(all, "utf8")
      .replace(/^cluster:.*\n/m, "")
      .replaceAll("file: 1GB", "file: 100MB"),
  );
}

/** Hosts whose server was told of the change, in the order in which that was done. */
const rolled = (run: Result): string[] => run.ends("changed").flatMap((e) => (e.handler ? [e.lane] : []));
const clusterOf = (host: string): string => Object.keys(CLUSTERS).find((c) => CLUSTERS[c]!.map(named).includes(host))!;

t.test("three clusters of three in one inventory", { skip }, async (t) => {
  const site = await siteLab(t, "many", 9);
  inventory(site);

  await t.test("one run rolls them out; peers are those of the own cluster", async (t) => {
    const run = await site.run("--forks", "5");
    exits(t, run, 0);
    for (const name of Object.keys(CLUSTERS)) t.ok((run.recap[name]?.ok ?? 0) > 5, `${name} was verified by itself`);
    const routes = await site.everywhere("grep -o 'nats-route://[^\"]*\\|198[0-9.]*:6222' /etc/nats/nats-server.conf | grep -o '198[0-9.]*' | sort -u");
    site.names.forEach((host, i) => {
      const peers = CLUSTERS[clusterOf(host)]!.map(named).filter((n) => n !== host);
      t.same(routes[i]!.split("\n"), peers.map((p) => site.address(p)).sort(), `${host} knows its peers only`);
    });
    const busy = run.of("task_start").filter((e) => /^(push|pull) /.test(e.task));
    t.equal(busy.length, 6);
    const open = new Set<string>();
    for (const e of run.events) {
      if (e.type === "task_start" && /^(push|pull) /.test(e.task)) open.add(e.lane);
      if (e.type === "task_end" && /^(push|pull) /.test(e.task)) open.delete(e.lane);
      if (open.size > 1) t.fail("two loads at a time");
    }
  });

  await t.test("what is done to one cluster at a time says which there are", async (t) => {
    for (const playbook of ["scale.mts", "backup.mts", "status.mts", "upgrade.mts", "drill.mts"]) {
      const { status, stderr } = await site.play(playbook, ...(playbook === "status.mts" ? [] : ["--check"])).result;
      t.equal(status, 3, playbook);
      t.match(stderr, /has 3 clusters, and this is done to one at a time; add --cluster with one of alpha, beta, gamma\n$/);
    }
    t.match((await site.show("--cluster", "betta")).stderr, "--cluster betta: the inventory has no such cluster; did you mean beta?\n");
    const status = await site.play("status.mts", "--cluster", "beta").result;
    t.equal(status.status, 0);
    t.match(status.stdout, "nats-node-5");
    t.notMatch(status.stdout, "nats-node-1");
    const backup = await site.play("backup.mts", "--cluster", "gamma", "--check").result;
    t.ok([0, 2].includes(backup.status!), backup.told);
    t.same(Object.keys(backup.recap), ["gamma"]);
  });

  await t.test("a dead host: its cluster is told of, the others get what is due, one cluster before the others", async (t) => {
    await site.lab.linkDown(named(4));
    const run = await site.run("--limit", "alpha,gamma,nats-node-4", "--role", "cluster-config", "-e", "max_payload=2MB", "-e", "ssh.connect_timeout=3");
    exits(t, run, 4);
    t.same(
      run.of("host_unreachable").map((e) => e.lane),
      [named(4)],
    );
    const order = rolled(run);
    t.same([...order].sort(), [...CLUSTERS["alpha"]!, ...CLUSTERS["gamma"]!].map(named));
    t.same(order.slice(0, 3).map(clusterOf), ["alpha", "alpha", "alpha"], "one cluster goes first, to its end");
  });

  await t.test("--max-fail: with more dead hosts than that nothing is touched", async (t) => {
    const args = ["--role", "cluster-config", "-e", "max_payload=3MB", "-e", "ssh.connect_timeout=3"];
    const run = await site.run("--max-fail", "0", ...args);
    exits(t, run, 4);
    t.same(run.of("task_start"), [], "no host was touched");
    t.match(
      run.of("warning").map((w) => w.text),
      [/^--max-fail 0: 1 of 9 hosts have failed \(nats-node-4\), so no further ones are touched; mend them/],
    );
    const most = await site.run("--max-fail", "12%", ...args, "--check", "--limit", "alpha,gamma,nats-node-4");
    t.match(most.of("warning")[0]?.text, /^--max-fail 12%: 1 of 7 hosts/);
    const enough = await site.run("--max-fail", "15%", ...args, "--check", "--limit", "alpha,gamma,nats-node-4");
    t.ok(enough.of("task_end").length > 0, "one in seven is 14 in a hundred");
    for (const wrong of ["-1", "some", "101%", ""]) t.equal((await site.show("--max-fail", wrong)).status, 3, wrong);
  });

  await t.test("the dead host is back: the same command brings it to what the others have", async (t) => {
    await site.lab.linkUp(named(4));
    exits(t, await site.run("--role", "cluster-config", "-e", "max_payload=2MB", "--cluster", "beta"), 0);
    exits(t, await site.run("--check", "-e", "max_payload=2MB"), 0);
  });
});
