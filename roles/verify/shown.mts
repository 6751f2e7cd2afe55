import type { EventInput, Figure, TopologyServer, TopologyStream } from "../../lib/engine/events.mts";
import type { PullResult, PushResult } from "../../lib/nats/load/types.mts";
import type { ClusterState } from "../../lib/nats/state.mts";
import type { Cluster } from "../cluster.mts";

/** What a data path did: a table for all displays, headline numbers and a curve for the page. */
export function showFigures({ emit, name }: Cluster, title: string, r: PushResult | PullResult): void {
  const d = r.latency.delivery;
  emit({
    type: "table",
    title: `${name}: ${title}`,
    columns: ["offered/s", "delivered/s", "messages", "lost", "twice", "p50", "p99", "p99.9", "generator"],
    rows: [
      [
        n(r.rate.offered),
        n(r.rate.delivered),
        n(r.delivered),
        n(r.lost),
        n(r.duplicates),
        ms(d.p50),
        ms(d.p99),
        ms(d.p999),
        `${r.generator.cpu.toFixed(2)} cores`,
      ],
    ],
  });
  const figure = (of: string, value: number, unit: string, bad = false): Figure => ({
    name: of,
    value,
    unit,
    text: unit === "ms" ? ms(value) : `${n(value)} ${unit}`,
    ...(bad ? { bad } : {}),
  });
  emit({
    type: "figures",
    lane: name,
    title,
    items: [
      figure("delivered", r.rate.delivered, "msg/s"),
      figure("offered", r.rate.offered, "msg/s"),
      figure("p99", d.p99, "ms"),
      figure("lost", r.lost, r.lost === 1 ? "message" : "messages", r.lost > 0),
    ],
  });
  const curves = [{ name: "delivery", latency: d }, ...("publish" in r.latency ? [{ name: "publish, acknowledged", latency: r.latency.publish }] : [])];
  const x = curves.map((c) => c.latency.curve.map(([p]) => p)).reduce((a, b) => (b.length > a.length ? b : a));
  if (x.length === 0) return;
  emit({
    type: "chart",
    lane: name,
    group: "Latency by percentile",
    title,
    kind: "percentiles",
    unit: "ms",
    x,
    series: curves.map(({ name: of, latency }) => ({ name: of, values: x.map((p) => latency.curve.find(([q]) => q === p)?.[1] ?? null) })),
  });
}

/** Servers, routes and streams: a table for all displays, and what the page draws. */
export function showTopology({ emit, name }: Cluster, state: ClusterState): void {
  const leader = metaLeader(state);
  emit({
    type: "table",
    title: `${name}: servers`,
    columns: ["server", "version", "role", "routes to (RTT)", "slow", "streams led"],
    rows: state.nodes.map(({ node, server }) =>
      server
        ? [
            server.name,
            server.version,
            server.name === leader ? "meta leader" : "",
            server.routes.map((r) => `${r.name} ${Number.isFinite(r.rttMs) ? `${r.rttMs.toFixed(r.rttMs < 0.1 ? 2 : 1)} ms` : "-"}`).join(", "),
            String(server.slowConsumers ?? 0),
            state.streams
              .filter((s) => s.leader === server.name)
              .map((s) => s.name)
              .join(" "),
          ]
        : [node.name, "-", "unreachable", "", "", ""],
    ),
  });
  emit(topologyOf(name, state));
}

/** What the page draws of a cluster: servers with their routes, and who leads and holds which stream. */
export function topologyOf(lane: string, state: ClusterState): EventInput {
  const leader = metaLeader(state);
  return {
    type: "topology",
    lane,
    servers: state.nodes.map(
      ({ node, server }): TopologyServer =>
        server
          ? {
              name: server.name,
              up: true,
              version: server.version,
              metaLeader: server.name === leader,
              routes: server.routes.map((r) => ({ to: r.name, rttMs: Number.isFinite(r.rttMs) ? r.rttMs : null })),
            }
          : { name: node.name, up: false, routes: [] },
    ),
    streams: state.streams.map((s): TopologyStream => {
      const copy = s.copies.find((c) => c.server === s.leader) ?? s.copies[0];
      const holders = s.leader ? s.replicas.map((r) => r.name) : s.copies.map((c) => c.server);
      return { name: s.name, account: s.account, leader: s.leader, replicas: holders, messages: copy?.messages ?? 0, bytes: copy?.bytes ?? 0 };
    }),
  };
}

const metaLeader = ({ servers }: ClusterState): string | undefined => servers.find((s) => s.jetstream?.meta?.leader === s.name)?.name;

const ms = (value: number): string => (value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`);
const n = (value: number): string => Math.round(value).toLocaleString("en-US");
