import type { Check } from "../../lib/inventory/load.mts";
import type { Vars } from "../schema.mts";

/** sampan itself works as a user of SYS (health) and one of APP (streams, verify). */
const ACCOUNTS = ["SYS", "APP"];

export const users: Check<Vars> = ({ hosts, error }) => {
  for (const host of hosts) {
    const names = new Set<string>(),
      seeds = new Set<string>();
    host.vars.users.forEach((user, i) => {
      const path = ["users", i];
      if (names.has(user.name)) error(host, [...path, "name"], `users[${i}].name "${user.name}" is taken already; give each user its own`);
      names.add(user.name);
      const seed = user.nkey_seed?.reveal();
      if (seed !== undefined && seeds.has(seed))
        error(host, [...path, "nkey_seed"], `users[${i}] ("${user.name}") has the nkey_seed of another user; give each its own variable`);
      if (seed !== undefined) seeds.add(seed);
      if (!user.nkey_seed === !user.password)
        error(
          host,
          path,
          `users[${i}] ("${user.name}") has ${user.nkey_seed ? "both nkey_seed and password" : "neither nkey_seed nor password"}; give it one of them`,
        );
    });
    for (const account of ACCOUNTS)
      if (!host.vars.users.some((user) => user.account === account))
        error(host, ["users"], `users has nobody in account ${account}, where sampan itself works; add one, or leave users out for the default`);
  }
};

/** A client may reach any server, so all must know the same users. */
export const sameUsers: Check<Vars> = ({ hosts: [first, ...others], error }) => {
  const shape = (host: { vars: Vars }): string =>
    JSON.stringify(host.vars.users.map(({ nkey_seed, password, ...rest }) => ({ ...rest, nkey: nkey_seed?.reveal(), password: password?.reveal() })));
  for (const host of others)
    if (shape(host) !== shape(first!)) error(host, ["users"], `users of ${host.name} differ from ${first!.name}'s; set them for all hosts in one place`);
};
