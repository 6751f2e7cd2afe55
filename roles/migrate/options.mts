import { readEnv } from "../../lib/inventory/env.mts";
import { Problems } from "../../lib/inventory/problems.mts";
import { UsageError } from "../../lib/inventory/types.mts";
import { readCa, type Source } from "../../lib/nats/source.mts";
import { Secret } from "../../lib/secret.mts";

/** `nats://10.0.0.5:4222`, `tls://[fd00::5]`. Credentials never stand there: everybody can see arguments. @throws UsageError */
export function address(url: string): { host: string; port: number; tls: boolean } {
  const [, scheme, login, six, name, port] = /^(nats|tls):\/\/([^@/]*@)?(?:\[([0-9a-f:.%]+)\]|([\w.-]+))(?::(\d{1,5}))?\/?$/i.exec(url) ?? [];
  if (login)
    throw new UsageError(
      "--source: credentials don't belong into the command line, which everybody can see; put NATS_SOURCE_USER and NATS_SOURCE_PASSWORD into the region's .env",
    );
  if (!scheme) throw new UsageError(`--source takes an address like nats://10.0.0.5:4222, not "${url}"`);
  return { host: (six ?? name)!, port: Number(port ?? 4222), tls: scheme.toLowerCase() === "tls" };
}

/** The old server with what the region's .env (or the environment) has for it. @throws UsageError */
export function sourceOf(url: string, caFile: string | undefined, inventoryDir: string): Source {
  const problems = new Problems();
  const env = readEnv(inventoryDir, problems);
  if (problems.size > 0) throw new UsageError(problems.lines());
  const [user, password, seed, token] = ["USER", "PASSWORD", "NKEY_SEED", "TOKEN"].map((name) => env.get(`NATS_SOURCE_${name}`));
  if ((user === undefined) !== (password === undefined))
    throw new UsageError(`${env.file}: NATS_SOURCE_USER and NATS_SOURCE_PASSWORD go together; one is missing`);
  const credential =
    user && password ? { user, password: new Secret(password) } : seed ? { nkeySeed: new Secret(seed) } : token ? { token: new Secret(token) } : undefined;
  return { ...address(url), ...(credential && { credential }), ...(caFile !== undefined && { ca: readCa(caFile) }) };
}

export const placeOf = ({ host, port }: Source): string => `${host}:${port}`;
