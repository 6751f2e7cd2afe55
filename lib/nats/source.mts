import { readFileSync } from "node:fs";
import { UsageError } from "../inventory/types.mts";
import type { Secret } from "../secret.mts";
import type { NatsConnection } from "./connect.mts";
import { classify, NatsConnectError } from "./errors.mts";
import { type Probe, probe } from "./probe.mts";
import type { Node } from "./target.mts";
import { identityOf } from "./tls-identity.mts";

/** A server that isn't of the inventory. Without a credential: as anybody. */
export interface Source {
  host: string;
  port: number;
  credential?: { user: string; password: Secret } | { nkeySeed: Secret } | { token: Secret };
  /** PEM text of the CA that signed its certificate; absent: plain, or a CA that this machine trusts where `tls` is set */
  ca?: string;
  tls?: boolean;
}

const nodeOf = ({ host, port }: Source): Node => ({ name: host, lane: host, host, port, jetstream: true });

/** What answers at its address, whoever it is by now: asked without a credential. Never throws. */
export const greet = (source: Source): Promise<Probe> => probe({}, nodeOf(source));

/** @throws NatsConnectError */
export async function connectSource(source: Source): Promise<NatsConnection> {
  const { host, port, credential, ca, tls } = source;
  const { connect, nkeyAuthenticator } = await import("nats");
  const node = nodeOf(source);
  const login = !credential
    ? {}
    : "user" in credential
      ? { user: credential.user, pass: credential.password.reveal() }
      : "token" in credential
        ? { token: credential.token.reveal() }
        : { authenticator: nkeyAuthenticator(new TextEncoder().encode(credential.nkeySeed.reveal())) };
  try {
    return await connect({
      ...login,
      servers: [`${host.includes(":") ? `[${host}]` : host}:${port}`],
      name: "sampan",
      timeout: 5000,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      ignoreClusterUpdates: true,
      ...((ca || tls) && { tls: { ...(ca && { ca, checkServerIdentity: identityOf([node]) }) } }),
    });
  } catch (error) {
    const failure = classify(node, error);
    throw new NatsConnectError("a client of the old server", [
      failure.fault === "auth"
        ? { ...failure, next: "Put NATS_SOURCE_USER and NATS_SOURCE_PASSWORD, NATS_SOURCE_NKEY_SEED or NATS_SOURCE_TOKEN into the region's .env" }
        : failure,
    ]);
  }
}

/** PEM text of a CA that the user names. @throws UsageError */
export function readCa(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`--source-ca ${file} can't be read: ${(error as Error).message}`);
  }
}
