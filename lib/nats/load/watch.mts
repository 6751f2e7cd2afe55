import type { NatsConnection } from "nats";
import type { LoadConnection, LoadConnections } from "./types.mts";

export interface Watch {
  /** one line each: what happened to which connection */
  readonly errors: string[];
  /**
   * Index of the publisher whose turn it is, -1 when none is connected. One that is down is passed over: what is published
   * there is lost, and would overwrite buffers still in use.
   */
  turn(sequence: number): number;
  /** A connection that is up, for requests beside the load; the first publisher's when none is. */
  live(): NatsConnection;
  stop(): void;
}

/** Notes what happens to the connections during a run. */
export function watch({ publishers, workers }: LoadConnections): Watch {
  const errors: string[] = [];
  const down = new Set<LoadConnection>();
  let over = false;
  const note = (text: string): void => {
    if (!over && errors.length < 20) errors.push(text);
  };
  const follow = async (role: string, connection: LoadConnection): Promise<void> => {
    for await (const status of connection.nc.status()) {
      if (status.type === "disconnect" || status.type === "close") {
        if (!down.has(connection)) note(`${role} on ${connection.node} lost its connection`);
        down.add(connection);
      } else if (status.type === "reconnect") {
        down.delete(connection);
      } else if (status.type === "error") {
        note(`${role} on ${connection.node}: ${status.error.message}`);
      }
    }
  };
  publishers.forEach((c, i) => void follow(`publisher ${i + 1}`, c));
  workers.forEach((c, i) => void follow(`worker ${i + 1}`, c));
  const turn = (sequence: number): number => {
    for (let i = 0; i < publishers.length; i++) {
      const at = (sequence + i) % publishers.length;
      if (!down.has(publishers[at]!)) return at;
    }
    return -1;
  };
  const live = (): NatsConnection => ([...publishers, ...workers].find((c) => !down.has(c) && !c.nc.isClosed()) ?? publishers[0]!).nc;
  return {
    errors,
    turn,
    live,
    stop: () => {
      over = true;
    },
  };
}
