import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/**
 * A delay line before a host's port 22: every byte, and the end, arrives half a round trip later, in each direction; bandwidth is
 * not limited. The TCP handshake is modelled too: the host hears of a connection 1.5 round trips after it was asked for, as the
 * kernels answered each other here at once.
 * @param rtt ms
 * @returns the port on 127.0.0.1
 */
export async function relay(host: string, rtt: number): Promise<{ port: number; close(): void }> {
  const open = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const since = performance.now();
    const far = connect({ host, port: 22, allowHalfOpen: true, noDelay: true });
    for (const s of [near, far]) {
      open.add(s);
      s.on("close", () => open.delete(s)).on("error", () => {});
    }
    // Both directions count from the moment at which the host would have accepted.
    delayed(near, far, rtt / 2, since + 1.5 * rtt);
    delayed(far, near, rtt / 2, since + 2 * rtt);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      for (const s of open) s.destroy();
    },
  };
}

function delayed(from: Socket, to: Socket, delay: number, earliest: number): void {
  // A queue of its own: timers of different lengths that end together may fire in any order.
  const queue: (() => void)[] = [];
  const later = (what: () => void): void => {
    queue.push(what);
    setTimeout(() => queue.shift()!(), Math.max(delay, earliest - performance.now()));
  };
  from.on("data", (chunk) =>
    later(() => {
      if (!to.destroyed) to.write(chunk);
    }),
  );
  from.on("end", () => later(() => to.end()));
  from.on("close", () =>
    later(() => {
      if (!to.destroyed) to.end();
    }),
  );
}
