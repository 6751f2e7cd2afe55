import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import type { Event } from "../../lib/engine/events.mts";
import { binaryPath } from "../../lib/lab/binaries.mts";
import { inventoryDir } from "../../lib/lab/paths.mts";
import { skip, testLab } from "../lab/fixture.mts";
import { SAMPAN } from "./competitors.mts";
import { writeInventories } from "./inventories.mts";
import { relay } from "./relay.mts";

t.setTimeout(300_000); // a quarter of a minute; the first lab on a machine builds the root system

t.test("sampan's version of the job", { skip }, async (t) => {
  const lab = testLab(t, "job");
  await lab.down(); // what a killed run of this test left is no bare host
  // three: fewer servers elect no leader, and are not healthy
  const { hosts } = await lab.up({ nodes: 3 });
  const line = await relay(hosts[0]!.address, 40);
  const folder = mkdtempSync(join(tmpdir(), "bench-test-"));
  t.teardown(() => {
    line.close();
    rmSync(folder, { recursive: true });
  });
  const version = "2.10.27";
  const places = hosts.map(({ name, address: ip }, i) => ({ name, ip, ...(i === 0 ? { address: "127.0.0.1", port: line.port } : { address: ip, port: 22 }) }));
  const inventory = writeInventories(folder, places, inventoryDir(lab.region), { version, path: binaryPath(version) });
  const run = async (): Promise<{ code: number; counts: object[]; ms: number }> => {
    const child = spawn(SAMPAN, ["-i", inventory, "--json"], { stdio: ["ignore", "pipe", "inherit"] });
    let out = "";
    child.stdout.on("data", (d: Buffer) => {
      out += d.toString();
    });
    const [code] = (await once(child, "close")) as [number];
    const events = out
      .split("\n")
      .filter(Boolean)
      .map((l) => JSON.parse(l) as Event);
    const end = events.find((e) => e.type === "run_end")!;
    return {
      code,
      counts: hosts.map((h) => end.recap[h.name]!),
      ms: events.flatMap((e) => (e.type === "host_connected" && e.lane === hosts[0]!.name ? [e.ms] : []))[0]!,
    };
  };
  const all = (counts: object): object[] => hosts.map(() => counts);

  const first = await run();
  t.equal(first.code, 0);
  t.match(first.counts, all({ ok: 1, changed: 29, failed: 0 }), "it changes bare hosts; the servers start with their files, so no restart is due");
  t.ok(first.ms > 7 * 40, "through a delay line it takes seven round trips and more until a host is connected");

  const again = await run();
  t.equal(again.code, 0);
  t.match(again.counts, all({ ok: 30, changed: 0 }), "the second run finds nothing to do");

  await lab.exec(hosts[1]!.name, ["sh", "-c", "echo '# by hand' >>/etc/nats/nats-server.conf"]);
  const mended = await run();
  t.match(
    mended.counts,
    [
      { ok: 30, changed: 0 },
      { ok: 28, changed: 2 },
      { ok: 30, changed: 0 },
    ],
    "a change by hand is mended, and that server started again",
  );
});
