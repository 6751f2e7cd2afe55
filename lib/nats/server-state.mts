import { goDurationMs } from "./go-duration.mts";
import type { JetStreamState, Peer, Route, ServerState } from "./state.mts";
import type { Answer, Healthz, Jsz, PeerInfo, Routez, Varz } from "./system.mts";

export function serverState({ data: v, ms, at }: Answer<Varz>, routez?: Routez, jsz?: Jsz, healthz?: Healthz): Omit<ServerState, "inMesh"> {
  return {
    id: v.server_id,
    name: v.server_name,
    version: v.version,
    cluster: v.cluster.name ?? "",
    start: Date.parse(v.start),
    configLoaded: Date.parse(v.config_load_time),
    configDigest: v.config_digest,
    clockOffset: Date.parse(v.now) - (at - ms / 2),
    roundTripMs: ms,
    authRequired: v.auth_required ?? false,
    tlsRequired: v.tls_required ?? false,
    certNotAfter: v.tls_cert_not_after ? Date.parse(v.tls_cert_not_after) : undefined,
    connections: v.connections,
    maxConnections: v.max_connections,
    slowConsumers: v.slow_consumers,
    slowRoutes: v.slow_consumer_stats?.routes ?? 0,
    stalledClients: v.stalled_clients ?? 0,
    mem: v.mem,
    cpu: v.cpu,
    cores: v.cores,
    inMsgs: v.in_msgs,
    outMsgs: v.out_msgs,
    inBytes: v.in_bytes,
    outBytes: v.out_bytes,
    routes: routes(routez),
    healthz: healthz && { ok: healthz.status === "ok", error: healthz.error ?? "", faults: healthz.errors ?? [] },
    jetstream: jsz && !jsz.disabled ? jetstream(jsz) : undefined,
  };
}

/** The route pool and the routes of single accounts are several connections to one peer. */
function routes(routez: Routez | undefined): Route[] {
  const byPeer = new Map<string, Route>();
  for (const r of routez?.routes ?? []) {
    const rttMs = r.rtt ? goDurationMs(r.rtt) : Infinity;
    const seen = byPeer.get(r.remote_id) ?? { id: r.remote_id, name: r.remote_name, rttMs: Infinity, connections: 0, pending: 0, partial: true };
    byPeer.set(r.remote_id, {
      ...seen,
      rttMs: Math.min(seen.rttMs, rttMs),
      connections: seen.connections + 1,
      pending: seen.pending + r.pending_size,
      partial: seen.partial && Boolean(r.account),
    });
  }
  return [...byPeer.values()].sort((a, b) => a.name.localeCompare(b.name));
}

function jetstream(j: Jsz): JetStreamState {
  const m = j.meta_cluster;
  return {
    memory: j.memory,
    storage: j.storage,
    maxMemory: j.config.max_memory,
    maxStorage: j.config.max_storage,
    reservedMemory: j.reserved_memory,
    reservedStorage: j.reserved_storage,
    haAssets: j.ha_assets,
    apiErrors: j.api.errors,
    meta: m && { leader: m.leader ?? "", size: m.cluster_size, pending: m.pending, replicas: (m.replicas ?? []).map(peer) },
  };
}

export const peer = (p: PeerInfo): Peer => ({ name: p.name, current: p.current, offline: p.offline ?? false, activeMs: p.active / 1e6, lag: p.lag ?? 0 });
