import type { Session } from "../../lib/engine/session.mts";
import { type Host, UsageError } from "../../lib/inventory/types.mts";
import type { ClusterState } from "../../lib/nats/state.mts";
import { EXIT, nagiosLine, oneLine } from "../../lib/nats/status/nagios.mts";
import { statusOf } from "../../lib/nats/status/status.mts";
import { helpText, type Options, parseOptions } from "../../lib/playbook/cli.mts";
import { Connections } from "../../lib/playbook/connections.mts";
import { type Cluster, clustersOf } from "../cluster.mts";
import { hasAuthority } from "../cluster-config/certificates.mts";
import { narrowed } from "../clusters.mts";
import { loadInventory } from "../inventory.mts";
import type { Vars } from "../schema.mts";
import { declared } from "../verify/expectation.mts";
import { Looks } from "./looks.mts";
import { type StatusOptions, statusOptions, USAGE } from "./options.mts";
import { show, watch } from "./show.mts";
import { Ways } from "./ways.mts";

/** Between the two looks from which rates are made, ms. */
const BETWEEN_MS = 1000;
/** How long --check gives what fails to pass by, ms: a replica that catches up at this moment is no fault. */
const PATIENCE_MS = 3000;

/** @returns the exit status */
export async function main(script: string, argv: readonly string[]): Promise<number> {
  const monitored = argv.includes("--check") || argv.includes("-C");
  try {
    const options = parseOptions(argv, USAGE);
    if (options === "help") {
      process.stdout.write(helpText(script, USAGE));
      return 0;
    }
    return await run(options, statusOptions(options));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    // A monitoring system reads stdout only.
    if (monitored) process.stdout.write(`UNKNOWN - ${oneLine(error.lines.join("; "))}\n`);
    else process.stderr.write(error.lines.map((l) => `${l}\n`).join(""));
    return 3;
  }
}

async function run(options: Options, own: StatusOptions): Promise<number> {
  const inventory = narrowed(loadInventory(options.inventory, { extraVars: options.extraVars }), options.cluster, "one");
  if (!hasAuthority(inventory))
    throw new UsageError(`${inventory.dir}/pki: there is none, so nothing has been rolled out from here; run site.mts, or put the region's pki and .env here`);
  const password = options.askBecomePass ? await (await import("../../lib/playbook/password.mts")).withPassword() : undefined;
  const hosts = password ? password(inventory.hosts) : inventory.hosts;
  const connections = new Connections(
    { acceptNewHostKeys: options.acceptNewHostKeys, lock: false, playbook: "status", storeDir: (h) => (h as Host<Vars>).vars.jetstream.store_dir },
    () => {},
  );
  const ways = new Ways(connections);
  process.on("exit", () => connections.kill());
  const [cluster] = await clustersOf({
    config: { inventory: { ...inventory, hosts }, hosts },
    emit: () => {},
    outputs: new Map(),
    connections: { to: (host): Promise<Session | undefined> => ways.to(host) },
  });
  const looks = new Looks(noticing(cluster!, ways), ways);
  const expected = declared(cluster!);
  try {
    if (own.watch) return await watch(looks, expected, { ...own, json: options.json });
    const first = await looks.look();
    if (own.check) return await check(looks, first, cluster!);
    if (first.servers.length > 0) await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
    const state = first.servers.length > 0 ? await looks.look() : first;
    show(statusOf(state, { before: first, expected }), { json: options.json, all: own.all });
    return state.nodes.some((n) => n.server || n.probe.greeting) ? 0 : 4;
  } finally {
    // Goodbyes to hosts that hang may take long, and nobody waits for them.
    await Promise.race([Promise.all([looks.close(), connections.close()]), new Promise((resolve) => setTimeout(resolve, 1000))]);
    connections.kill();
  }
}

async function check(looks: Looks, first: ClusterState, cluster: Cluster): Promise<number> {
  const expected = declared(cluster);
  let state = first;
  let status = statusOf(state, { expected });
  for (const until = Date.now() + PATIENCE_MS; status.level === "critical" && Date.now() < until; ) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    state = await looks.look();
    status = statusOf(state, { expected });
  }
  const sum = (value: (s: ClusterState["servers"][number]) => number): number => state.servers.reduce((all, s) => all + value(s), 0);
  process.stdout.write(`${nagiosLine(status, { inMsgs: sum((s) => s.inMsgs), outMsgs: sum((s) => s.outMsgs) })}\n`);
  return EXIT[status.level];
}

/** Tells the ways through SSH as soon as any node is reached. */
function noticing(cluster: Cluster, ways: Ways): Cluster {
  const { dial } = cluster.connect;
  return {
    ...cluster,
    connect: {
      ...cluster.connect,
      dial: async (node) => {
        const place = await dial!(node);
        ways.reached();
        return place;
      },
    },
  };
}
