import type { Node } from "./target.mts";

export type ConnectFault = "refused" | "timeout" | "auth" | "tls" | "unreachable" | "protocol";

export interface ConnectFailure {
  node: Node;
  fault: ConnectFault;
  /** what happened, without the node's name */
  what: string;
  /** the next thing to do, an imperative sentence */
  next: string;
}

/** No node of the cluster let us in. One failure per node that was tried; the message has a line for each. */
export class NatsConnectError extends Error {
  readonly failures: readonly ConnectFailure[];
  constructor(who: string, failures: readonly ConnectFailure[]) {
    super([`can't connect to NATS as ${who}`, ...failures.map((f) => `  ${f.node.lane} (${f.node.host}:${f.node.port}): ${f.what}. ${f.next}`)].join("\n"));
    this.name = "NatsConnectError";
    this.failures = failures;
  }
}

/** An answer of the JetStream API that says no; `err_code` is nats-server's own (server/errors.json). */
export class JetStreamApiError extends Error {
  readonly code: number;
  readonly errCode: number;
  readonly description: string;
  constructor(asset: string, error: { code: number; err_code: number; description: string }) {
    super(`${asset}: ${error.description} (JetStream error ${error.err_code})`);
    this.name = "JetStreamApiError";
    this.code = error.code;
    this.errCode = error.err_code;
    this.description = error.description;
  }
}

/** Turns what nats.js or a socket threw into a fault with a sentence and a next step. */
export function classify(node: Node, error: unknown): ConnectFailure {
  const chain: { name: string; code: string; message: string }[] = [];
  for (let e = error; e instanceof Error && chain.length < 5; e = e.cause) {
    chain.push({ name: e.name, code: (e as NodeJS.ErrnoException).code ?? "", message: e.message });
  }
  const some = (test: RegExp) => chain.some((e) => test.test(`${e.name} ${e.code} ${e.message}`));
  const what = chain.at(-1)?.message ?? String(error);
  const fail = (fault: ConnectFault, text: string, next: string): ConnectFailure => ({ node, fault, what: text, next });

  if (some(/ECONNREFUSED|connection refused/i)) {
    return fail("refused", "connection refused", "Start nats-server there: systemctl status nats-server, journalctl -u nats-server");
  }
  if (some(/AuthorizationError|UserAuthenticationExpired|Authorization Violation|Authentication/i)) {
    return fail(
      "auth",
      "the server refused the credential",
      "Compare the users of nats-server.conf with the seeds in the region's .env, then run --role cluster-config",
    );
  }
  if (some(/CERT|SELF_SIGNED|ALTNAME|UNABLE_TO|ERR_SSL|ERR_TLS|\btls\b|certificate/i)) {
    const next = some(/CERT_NOT_YET_VALID/)
      ? "Set the clock of this machine, or of the one that made the certificate"
      : some(/CERT_HAS_EXPIRED/)
        ? "Renew the certificate"
        : "Check that the CA of the inventory's pki signed the node's certificate and that the certificate names the node";
    return fail("tls", `TLS failed: ${what}`, next);
  }
  if (some(/TimeoutError|ETIMEDOUT|timeout/i)) {
    return fail("timeout", "no answer in time", "Check the host, its firewall and the route to its client port");
  }
  if (some(/EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|EHOSTDOWN/)) {
    return fail("unreachable", what, "Check the address in the inventory and the network in between");
  }
  if (some(/undefined error|ECONNRESET|EPIPE|closed/i)) {
    return fail(
      "refused",
      "the connection was closed before the server's greeting",
      "Start nats-server there; behind an SSH forward this is how a closed port looks",
    );
  }
  return fail("protocol", what, "Check that a nats-server listens on this port");
}
