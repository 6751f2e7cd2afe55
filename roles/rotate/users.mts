import type { LoadedInventory } from "../../lib/inventory/load.mts";
import { UsageError } from "../../lib/inventory/types.mts";
import { envText, type Seeds, seedsOf } from "../../lib/pki/seeds.mts";
import type { Secret } from "../../lib/secret.mts";
import type { Vars } from "../schema.mts";

/** A user whose nkey is to be rotated. */
export interface Rotating {
  name: string;
  account: string;
  seed: Secret;
  seeds: Seeds;
}

/**
 * The users named, or all that have an nkey whose seed is in .env.
 * @returns them, and a line about each user that is passed over
 * @throws UsageError for names that can't be rotated
 */
export function rotating({ hosts, dir, originOf }: LoadedInventory<Vars>, wanted: readonly string[] | undefined): { users: Rotating[]; passed: string[] } {
  const [first] = hosts;
  const { users: all } = first!.vars;
  const who = ({ vars }: (typeof hosts)[number]): string => JSON.stringify(vars.users.map((u) => [u.name, u.account, u.nkey_seed?.reveal()]));
  const other = hosts.find((h) => who(h) !== who(first!));
  if (other)
    throw new UsageError(
      `${originOf(other.name, ["users"])}: cluster ${other.vars.cluster.name} has other users than ${first!.vars.cluster.name}, and seeds are replaced in all clusters of an inventory at once; give it an inventory folder of its own`,
    );
  const unknown = wanted?.find((name) => !all.some((u) => u.name === name));
  if (unknown !== undefined) throw new UsageError(`--user ${unknown}: there is no such user; users are ${all.map((u) => u.name).join(", ")}`);
  const env = envText(dir);
  const users: Rotating[] = [],
    passed: string[] = [];
  all.forEach(({ name, account, nkey_seed: seed }, i) => {
    if (wanted && !wanted.includes(name)) return;
    const seeds =
      seed &&
      seedsOf(
        env,
        seed,
        all.flatMap((u) => u.nkey_seed ?? []),
      );
    if (seeds?.taken)
      throw new UsageError(
        `${originOf(first!.name, ["users", i])}: user ${name} can't be rotated: its second seed would go by the name ${seeds.taken}, and that is another user's in ${dir}/.env; give that one another name, there and in the inventory`,
      );
    if (seed && seeds) {
      users.push({ name, account, seed, seeds });
      return;
    }
    passed.push(
      `${originOf(first!.name, ["users", i])}: user ${name} ${
        seed
          ? `has a seed that isn't from ${dir}/.env, so it can't be replaced there; move it to .env as \${NAME}`
          : "has a password, and NATS knows one password for a name: two can't hold at the same time. Add a second user beside it, move the clients, then take this one out; or give it an nkey"
      }`,
    );
  });
  if (wanted && passed.length) throw new UsageError(passed);
  if (!users.length) throw new UsageError([...passed, `${dir}: there is no user to rotate`]);
  return { users, passed };
}
