import { type Socket, connect as tcpConnect } from "node:net";
import { type TLSSocket, connect as tlsConnect } from "node:tls";
import { type ConnectFailure, classify } from "./errors.mts";
import type { ClusterTarget, ConnectOptions, Node } from "./target.mts";
import { identityOf } from "./tls-identity.mts";

/** What a server tells anybody who opens its client port. */
export interface Greeting {
  server_id: string;
  server_name: string;
  version: string;
  cluster?: string;
  auth_required?: boolean;
  tls_required?: boolean;
  tls_available?: boolean;
  /** it is leaving: lame duck mode */
  ldm?: boolean;
}

export interface Probe {
  node: Node;
  greeting?: Greeting;
  /** why there is no greeting, or why TLS failed after it */
  failure?: ConnectFailure;
  /** end of the certificate's life, epoch ms, when the server offers TLS */
  certNotAfter?: number;
  /** a client without credentials was let in; absent when not asked or not known */
  anonymous?: boolean;
}

/**
 * Opens one connection to this very node (no reconnects, no gossip), reads its greeting, its certificate, and with `anonymous`
 * tries to get in without credentials. Needs no account, so it also tells about servers outside the mesh. Never throws.
 */
export async function probe(target: Partial<ClusterTarget>, node: Node, options: ConnectOptions & { anonymous?: boolean } = {}): Promise<Probe> {
  const result: Probe = { node };
  const timer = new AbortController();
  let socket: Socket | undefined;
  try {
    const at = options.dial ? await options.dial(node) : node;
    socket = tcpConnect({ host: at.host, port: at.port });
    const open = socket.on("error", () => {}); // each wait below has its own listener; none may be missing in between
    const timeout = setTimeout(() => open.destroy(Object.assign(new Error("timeout"), { code: "ETIMEDOUT" })), options.timeoutMs ?? 3000);
    timer.signal.addEventListener("abort", () => clearTimeout(timeout));
    result.greeting = JSON.parse((await line(socket, /^INFO (\{.*\})/)).replace(/^INFO /, "")) as Greeting;
    if (result.greeting.tls_required || (result.greeting.tls_available && target.tls)) {
      const secure = await upgrade(socket, target, node);
      result.certNotAfter = Date.parse(secure.getPeerCertificate().valid_to);
      if (!secure.authorized) result.failure = classify(node, new Error(`certificate not trusted: ${String(secure.authorizationError)}`)); // node's type says Error, it is a code
      socket = secure;
    }
    if (options.anonymous) result.anonymous = await letsIn(socket);
  } catch (error) {
    result.failure = classify(node, error);
  } finally {
    timer.abort();
    if (socket) hangUp(socket);
  }
  return result;
}

/** Says goodbye properly: a torn connection is an error in the server's log, and probes come often. */
function hangUp(socket: Socket): void {
  socket.on("error", () => {}).end();
  setTimeout(() => socket.destroy(), 1000).unref();
}

/** Does an anonymous client get in? undefined: the node can't be asked. */
export const probeAnonymous = async (target: ClusterTarget, node: Node, options: ConnectOptions = {}): Promise<boolean | undefined> =>
  (await probe(target, node, { ...options, anonymous: true })).anonymous;

async function letsIn(socket: Socket): Promise<boolean> {
  const answer = line(socket, /^(PONG|-ERR)/);
  socket.write('CONNECT {"verbose":false,"pedantic":false,"lang":"sampan","version":"0","name":"sampan-anonymous-probe"}\r\nPING\r\n');
  // A server may also hang up without a word: that is a refusal.
  return answer.then(
    (text) => text.startsWith("PONG"),
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ETIMEDOUT") throw error;
      return false;
    },
  );
}

/** A bad certificate doesn't end the probe (an expired one's date is what we came for); the caller looks at `authorized`. */
function upgrade(socket: Socket, target: Partial<ClusterTarget>, node: Node): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secure = tlsConnect({ socket, ...(target.tls && { ca: target.tls.ca }), rejectUnauthorized: false, checkServerIdentity: identityOf([node]) }, () =>
      resolve(secure),
    );
    secure.on("error", () => {}).once("error", reject);
    secure.once("close", () => reject(new Error("TLS connection closed by the server")));
  });
}

/** The first line that matches; INFO and PING lines in between are passed over. */
function line(socket: Socket, wanted: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const settle = () => {
      socket.off("data", onData);
      socket.off("close", onClose);
      socket.off("error", reject);
    };
    const onClose = () => {
      settle();
      reject(new Error("closed"));
    };
    const onData = (chunk: Buffer) => {
      text += chunk.toString("utf8");
      const found = text
        .split("\r\n")
        .slice(0, -1)
        .find((l) => wanted.test(l));
      if (found === undefined) return;
      settle();
      resolve(found);
    };
    socket.on("data", onData).once("close", onClose).once("error", reject);
  });
}
