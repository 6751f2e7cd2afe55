import { connectApp, type NatsConnection } from "../../lib/nats/connect.mts";
import type { Cluster } from "../cluster.mts";

/** A connection to each account that may hold streams, by its name, as a user that may use the JetStream API. */
export async function connectAccounts(cluster: Cluster): Promise<Map<string, NatsConnection>> {
  const { users } = cluster.hosts[0]!.vars;
  const connections = new Map<string, NatsConnection>();
  try {
    for (const account of new Set(users.map((u) => u.account).filter((a) => a !== "SYS"))) {
      const all = users.filter((u) => u.account === account);
      const user = all.find((u) => !u.permissions) ?? all[0]!;
      const app = user.nkey_seed ? { nkeySeed: user.nkey_seed } : { user: user.name, password: user.password! };
      connections.set(account, await connectApp({ ...cluster.target, app }, cluster.connect));
    }
    return connections;
  } catch (error) {
    await closeAll(connections);
    throw error;
  }
}

export const closeAll = async (connections: ReadonlyMap<string, NatsConnection>): Promise<void> => {
  await Promise.all([...connections.values()].map((nc) => nc.close()));
};
