import { type Check, type Checker, clustered, finding, label } from "./check.mts";

/** Clocks further apart than this spoil max_age, deduplication windows and the reading of logs. */
const CLOCK_MS = 1000;

export const reachable: Checker = (state) =>
  state.nodes.map(({ node, probe, server }) => {
    const failed = [];
    if (!probe.greeting) failed.push(`${node.host}:${node.port}: ${probe.failure?.what ?? "no answer"}${server ? " (over the mesh it answers)" : ""}`);
    else if (probe.greeting.ldm) failed.push("it is in lame duck mode, about to stop");
    else if (!server) failed.push(state.failure ? "the system account can't be asked" : "it greets, but gives no answer on the system account");
    const next =
      probe.failure?.next ?? (probe.greeting?.ldm ? "Wait for its restart" : (state.failure ?? `Read its log: journalctl -u nats-server on ${node.lane}`));
    return finding("node.reachable", "node answers", label(node), { failed, ok: `${probe.greeting?.server_name} at ${node.host}:${node.port}`, next });
  });

export const named: Checker = (state) =>
  state.nodes.flatMap(({ node, probe }): Check[] => {
    if (!probe.greeting) return [];
    const { server_id, server_name } = probe.greeting;
    const others = state.nodes.filter((o) => o.node !== node && o.probe.greeting);
    const twin = others.find((o) => o.probe.greeting!.server_id === server_id);
    const namesake = others.find((o) => o.probe.greeting!.server_name === server_name && o !== twin);
    const failed = [
      ...(server_name !== node.name ? [`it calls itself ${server_name}, expected ${node.name}`] : []),
      ...(twin ? [`the same server answers for ${label(twin.node)}: two inventory names, one address`] : []),
      ...(namesake ? [`duplicate server_name ${server_name}, also on ${label(namesake.node)}; one of them can't join`] : []),
    ];
    return [
      finding("node.name", "server_name", label(node), {
        failed,
        ok: server_name,
        next: `Set server_name: ${node.name} on ${node.lane} and restart it (--role cluster-config)`,
      }),
    ];
  });

export const version: Checker = (state, expected) =>
  state.nodes.flatMap(({ node, probe, server }): Check[] => {
    const actual = server?.version ?? probe.greeting?.version;
    if (!actual) return [];
    const wanted = typeof expected.version === "object" ? expected.version[node.name] : expected.version;
    const versions = new Set(state.nodes.flatMap((n) => n.server?.version ?? []));
    return [
      finding("node.version", "nats-server version", label(node), {
        failed: wanted && actual !== wanted ? [`runs ${actual}, expected ${wanted}`] : [],
        warning: !wanted && versions.size > 1 ? [`runs ${actual}; the cluster mixes ${[...versions].sort().join(", ")}`] : [],
        ok: actual,
        next: `Roll the version out: --role nats-install, and restart ${node.lane} when it is installed already`,
      }),
    ];
  });

export const configuration: Checker = (state, expected) =>
  state.nodes.flatMap(({ node, server }): Check[] => {
    if (!server) return [];
    const digest = expected.configDigest?.[node.name];
    const loaded = expected.loadedAfter?.[node.name];
    const started = expected.startedAfter?.[node.name];
    const failed = [
      ...(digest && server.configDigest && strip(digest) !== strip(server.configDigest)
        ? [`runs with configuration ${short(server.configDigest)}, its file is ${short(digest)}`]
        : []),
      ...(loaded !== undefined && server.configLoaded <= loaded ? [`configuration not loaded since ${new Date(loaded).toISOString()}`] : []),
      ...(started !== undefined && server.start <= started ? [`not restarted since ${new Date(started).toISOString()}`] : []),
    ];
    if (!digest && loaded === undefined && started === undefined) return [];
    return [
      finding("node.configuration", "runs with its configuration", label(node), {
        failed,
        ok: server.configDigest ? short(server.configDigest) : `loaded ${new Date(server.configLoaded).toISOString()}`,
        next: `Reload or restart ${node.lane}: --role cluster-config`,
      }),
    ];
  });

export const healthz: Checker = (state) =>
  state.nodes.flatMap(({ node, server }): Check[] => {
    if (!server) return [];
    const faults =
      server.healthz?.faults.map(
        (f) => `${f.consumer ? `consumer ${f.stream} > ${f.consumer}` : f.stream ? `stream ${f.stream}` : f.type.toLowerCase()}: ${f.error}`,
      ) ?? [];
    const failed = !server.healthz ? ["no answer to healthz"] : server.healthz.ok ? [] : faults.length > 0 ? faults : [server.healthz.error];
    const next = "Wait while it recovers; if it stays, step down the leader of the named asset, or restart this node";
    return [finding("node.healthz", "healthz", label(node), { failed, ok: "ok", next })];
  });

export const slowConsumers: Checker = (state) =>
  state.nodes.flatMap(({ node, server }): Check[] => {
    if (!server) return [];
    const warning =
      server.slowConsumers > 0
        ? [
            `${server.slowConsumers} slow consumer${server.slowConsumers > 1 ? "s" : ""} cut off since its start${server.slowRoutes ? `, ${server.slowRoutes} of them routes` : ""}`,
          ]
        : [];
    return [
      finding("node.slow-consumers", "slow consumers", label(node), {
        warning,
        ok: "none since its start",
        next: "Find clients that read too slowly (pending bytes in the connection list), or raise write_deadline for slow routes",
      }),
    ];
  });

export const clock: Checker = (state) => {
  const offsets = state.nodes.flatMap(({ server }) => (server ? [server.clockOffset] : [])).sort((a, b) => a - b);
  if (offsets.length < 2) return [];
  const middle = offsets[Math.floor(offsets.length / 2)]!;
  return state.nodes.flatMap(({ node, server }): Check[] => {
    if (!server) return [];
    const off = Math.round(server.clockOffset - middle);
    const warning = Math.abs(off) > CLOCK_MS + server.roundTripMs ? [`the clock is ${Math.abs(off)} ms ${off > 0 ? "ahead of" : "behind"} the others`] : [];
    return [
      finding("node.clock", "clock", label(node), { warning, ok: "with the others", next: `Let chrony or systemd-timesyncd keep the time on ${node.lane}` }),
    ];
  });
};

/** A host that only vanished from hosts.yml, or one that was removed and is back with its old store: a ghost in the making. */
export const strangers: Checker = (state) => {
  const known = new Set(state.nodes.flatMap((n) => [n.server?.id ?? "", n.node.name]));
  return state.servers
    .filter((s) => s.inMesh && !known.has(s.id) && !known.has(s.name))
    .map((s) => {
      const text = [
        `server ${s.name} (${s.version}) answers but isn't in the inventory${s.jetstream ? ": with its JetStream it may join the meta group and count for the quorum" : ""}`,
      ];
      return finding("mesh.stranger", "only our servers in the cluster", s.name, {
        ...(s.jetstream && clustered(state) ? { failed: text } : { warning: text }),
        ok: "",
        next: `Put it into hosts.yml; if it is to go, run scale.mts --remove ${s.name} then. Without access to its host: switch it off, then replace-node.mts --dead ${s.name}`,
      });
    });
};

const strip = (digest: string) => digest.replace(/^sha256:/, "");
const short = (digest: string) => strip(digest).slice(0, 12);
