/**
 * Why sampan joins no regions by gateways: two running clusters of three with streams, restarted with gateways between them, and what becomes of
 * their streams. A measurement, not a test; about a minute and a half: `npx tsx test/nats/gateways.mts [2.15.1|2.10.27]`
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "nats";

import { freePorts, serverBinary } from "./servers.mts";

const REGIONS = ["hk", "sg"] as const;
type Region = (typeof REGIONS)[number];
interface Server {
  name: string;
  region: Region;
  ports: { client: number; route: number; gateway: number };
}

const version = process.argv[2] ?? "2.15.1";
const binary = await serverBinary(version);
const folder = mkdtempSync(join(tmpdir(), "gateways-"));
const running: ChildProcess[] = [];
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

const ports = await freePorts(18);
const servers = REGIONS.flatMap((region, r) =>
  [0, 1, 2].map((i): Server => {
    const [client, route, gateway] = ports.slice(9 * r + 3 * i) as [number, number, number];
    return { name: `${region}-${i + 1}`, region, ports: { client, route, gateway } };
  }),
);
const of = (region: Region): Server[] => servers.filter((s) => s.region === region);

/** As sampan renders it, both regions with the accounts SYS and APP; without TLS, which changes nothing here. */
function configuration({ name, region, ports }: Server, gateways: boolean): string {
  const urls = (list: Server[], port: "route" | "gateway"): string => list.map((s) => `"nats://127.0.0.1:${s.ports[port]}"`).join(", ");
  return `server_name: ${name}, listen: "127.0.0.1:${ports.client}"
jetstream { store_dir: "${folder}/${name}", max_mem: 64MB, max_file: 256MB }
cluster { name: ${region}, listen: "127.0.0.1:${ports.route}", routes: [ ${urls(of(region), "route")} ] }
system_account: SYS
accounts { SYS { users: [ { user: sys, password: p } ] }, APP { jetstream: enabled, users: [ { user: app, password: p } ] } }
${gateways ? `gateway { name: ${region}, listen: "127.0.0.1:${ports.gateway}", gateways: [ ${REGIONS.map((r) => `{ name: ${r}, urls: [ ${urls(of(r), "gateway")} ] }`).join(", ")} ] }` : ""}
`;
}

async function start(gateways: boolean): Promise<void> {
  for (const server of servers) {
    const file = join(folder, `${server.name}.conf`);
    writeFileSync(file, configuration(server, gateways));
    running.push(spawn(binary, ["-c", file], { stdio: "ignore" }));
  }
  await sleep(7000);
}
async function stop(): Promise<void> {
  await Promise.all(
    running.splice(0).map((child) => {
      const gone = once(child, "exit");
      child.kill("SIGTERM");
      return gone;
    }),
  );
}

const client = (region: Region): Promise<NatsConnection> =>
  connect({ servers: `127.0.0.1:${of(region)[0]!.ports.client}`, user: "app", pass: "p", timeout: 5000 });

async function fill(region: Region, messages: number): Promise<void> {
  const nc = await client(region);
  const jsm = await jetstreamManager(nc, { timeout: 15_000 });
  for (const [name, subject] of [
    ["LOGS", "logs.>"],
    [`ONLY_${region}`, `only.${region}`],
  ] as const)
    await jsm.streams.add({ name, subjects: [subject], num_replicas: 3 });
  for (let i = 0; i < messages; i++) await jetstream(nc).publish("logs.a", "x");
  for (let i = 0; i < 100; i++) await jetstream(nc).publish(`only.${region}`, "x");
  await nc.close();
}

async function look(when: string): Promise<void> {
  for (const region of REGIONS) {
    const seen: string[] = [];
    try {
      const nc = await client(region);
      const jsm = await jetstreamManager(nc, { timeout: 8000 });
      for await (const { config, state } of jsm.streams.list()) seen.push(`${config.name} (${state.messages} messages)`);
      await nc.close();
    } catch (error) {
      seen.push((error as Error).message);
    }
    process.stdout.write(`${when}, asked in ${region}: ${seen.sort().join(", ") || "no stream"}\n`);
  }
}

process.stdout.write(`nats-server ${version}\n`);
await start(false);
await fill("hk", 500);
await fill("sg", 300);
await look("apart");
await stop();
await start(true);
for (const seconds of [7, 19, 31, 43, 55]) {
  await look(`joined for ${seconds} s`);
  await sleep(12_000);
}
process.exit(0);
