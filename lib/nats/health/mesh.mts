import { type Check, type Checker, clustered, finding, label } from "./check.mts";

export const clusterName: Checker = (state) =>
  !clustered(state)
    ? []
    : state.nodes.flatMap(({ node, probe, server }): Check[] => {
        const actual = server?.cluster ?? probe.greeting?.cluster;
        if (actual === undefined && !probe.greeting) return [];
        const failed =
          actual === state.target.name
            ? []
            : [actual ? `cluster name is ${actual}, expected ${state.target.name}` : `not clustered, expected ${state.target.name}`];
        return [
          finding("mesh.cluster-name", "cluster name", label(node), {
            failed,
            ok: actual ?? "",
            next: `Set cluster.name: ${state.target.name} on ${node.lane} and restart it (--role cluster-config)`,
          }),
        ];
      });

/** Full mesh by distinct peers: a route pool makes several connections to each. */
export const routes: Checker = (state) =>
  !clustered(state)
    ? []
    : state.nodes.flatMap(({ node, server }): Check[] => {
        if (!server) return [];
        const missing = state.nodes.filter((o) => o.node !== node && !server.routes.some((r) => (o.server ? r.id === o.server.id : r.name === o.node.name)));
        const why = missing.map((o) => {
          if (!o.probe.greeting) return `${label(o.node)} (it doesn't answer)`;
          if (o.server && o.server.cluster !== server.cluster) return `${label(o.node)} (its cluster name is ${o.server.cluster || "empty"})`;
          return label(o.node);
        });
        const seen = server.routes.map((r) => `${r.name} ${rtt(r.rttMs)}`).join(", ");
        return [
          finding("mesh.routes", "routes to all peers", label(node), {
            failed: why.length > 0 ? [`no route to ${why.join(", ")}${seen ? `; has ${seen}` : ""}`] : [],
            ok: seen,
            next: `Check port and TLS of the routes between them, and the log of ${node.lane} for "route"`,
          }),
        ];
      });

/**
 * The system account has a route of its own, which outlives the others (2.10 and 2.11, when pool sizes differ): health and Raft then look
 * well, while clients on two servers don't hear each other. No matter to a roll: it is how a roll of pool_size goes there.
 */
export const wholeRoutes: Checker = (state) =>
  !clustered(state)
    ? []
    : state.nodes.flatMap(({ node, server }): Check[] => {
        const partial = server?.routes.filter((r) => r.partial) ?? [];
        return partial.length === 0
          ? []
          : [
              finding("mesh.accounts", "routes for all accounts", label(node), {
                failed: [`only the routes of single accounts reach ${partial.map((r) => r.name).join(", ")}`],
                ok: "",
                next: `See that cluster.pool_size is the same on all servers (reload them together: --role cluster-config --all-at-once), and the log of ${node.lane} for "route"`,
              }),
            ];
      });

/** Replicas answer each other at this pace: every stored message waits for it. */
export const routeRtt: Checker = (state, { bounds: { routeRtt: most } = {} }) =>
  !clustered(state) || most === undefined
    ? []
    : state.nodes.flatMap(({ node, server }): Check[] => {
        const slow = server?.routes.filter((r) => Number.isFinite(r.rttMs) && r.rttMs > most) ?? [];
        return !server
          ? []
          : [
              finding("mesh.rtt", "round trip of the routes", label(node), {
                failed: slow.map((r) => `${rtt(r.rttMs)} to ${r.name}, at most ${rtt(most)}`),
                ok: `at most ${rtt(most)}`,
                next: `Look at the network between them and the load of both; or set verify.thresholds.route_rtt to what this network has`,
              }),
            ];
      });

const rtt = (ms: number) => (Number.isFinite(ms) ? `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms` : "rtt not measured yet");
