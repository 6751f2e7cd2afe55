import { checkServerIdentity, type PeerCertificate } from "node:tls";
import type { Node } from "./target.mts";

/**
 * A server's certificate is good for a node when it is valid for any name we know it by: server_name, inventory name or address.
 * Needed because through an SSH forward the address dialled (127.0.0.1:x) says nothing of the node.
 */
export function identityOf(nodes: readonly Node[]): (host: string, cert: PeerCertificate) => Error | undefined {
  const names = [...new Set(nodes.flatMap((n) => [n.name, n.lane, n.host]))];
  return (_host, cert) => {
    const errors = names.map((name) => checkServerIdentity(name, cert));
    return errors.includes(undefined) ? undefined : errors[0];
  };
}
