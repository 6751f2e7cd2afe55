import { type Check, type Checker, finding, label } from "./check.mts";

const NEAR = 0.9;
/** Raft groups a server bears well, by the nats CLI's audit. */
const HA_ASSETS = 1000;

export const limits: Checker = (state) =>
  state.nodes.flatMap(({ node, server }): Check[] => {
    if (!server) return [];
    const js = server.jetstream;
    const uses: [string, number, number][] = [
      ["connections", server.connections, server.maxConnections],
      ...(js
        ? ([
            ["file store", js.storage, js.maxStorage],
            ["memory store", js.memory, js.maxMemory],
            ["reserved file store", js.reservedStorage, js.maxStorage],
          ] as [string, number, number][])
        : []),
    ];
    const near = uses.filter(([, used, limit]) => limit > 0 && used >= NEAR * limit);
    const say = ([what, used, limit]: [string, number, number]) => `${what} ${Math.floor((100 * used) / limit)} % of ${limit}`;
    const assets = js && js.haAssets > HA_ASSETS ? [`${js.haAssets} Raft groups, more than ${HA_ASSETS}`] : [];
    const store = js && js.maxStorage > 0 ? `, file store ${Math.floor((100 * js.storage) / js.maxStorage)} %` : "";
    return [
      finding("node.limits", "limits", label(node), {
        failed: near
          .filter(([, used, limit]) => used >= limit && limit > 0)
          .filter(([what]) => !what.startsWith("reserved"))
          .map(say),
        warning: [...near.map(say), ...assets],
        ok: `connections ${server.connections} of ${server.maxConnections}${store}`,
        next: "Make room or raise the limit (jetstream.max_file, jetstream.max_mem, max_connections); at the limit writes are refused",
      }),
    ];
  });
