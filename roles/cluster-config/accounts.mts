import type { View } from "../../lib/template.mts";
import { mappings, withInlets } from "../jetstream-setup/partitions.mts";
import type { Vars } from "../schema.mts";

/** Public keys, several while a user's seed is being replaced; or the hash of a password. */
export interface Proof {
  nkeys: readonly string[];
  bcrypt: string;
}

/** The servers' accounts with their users; in the streams' account also what leads messages to the partitions of streams that have some. */
export function accounts(vars: Vars, users: ReadonlyMap<string, Proof> | undefined): View[] {
  const names = [...new Set(["SYS", ...vars.users.map((u) => u.account)])];
  // The account in which sampan makes the streams (roles/cluster.mts).
  const streams = vars.users.find((u) => u.account !== "SYS")!.account;
  return names.map((name) => {
    const partitions = name === streams ? mappings(vars.streams) : [];
    return {
      name,
      jetstream: name !== "SYS" && vars.jetstream.enabled,
      partitioned: partitions.length > 0,
      mappings: partitions.map(({ from, to }) => ({
        from: JSON.stringify(from),
        to: to.map(({ subject, percent }) => `{ destination: ${JSON.stringify(subject)}, weight: ${percent}% }`).join(", "),
      })),
      users: vars.users
        .filter((u) => u.account === name)
        .flatMap((u) => {
          const { nkeys, bcrypt } = users?.get(u.name) ?? { nkeys: [], bcrypt: "" };
          const permissions = u.permissions ? JSON.stringify(name === streams ? permitted(u.permissions, vars.streams) : u.permissions) : "";
          return nkeys.length ? nkeys.map((nkey) => ({ user: u.name, nkey, bcrypt, permissions })) : [{ user: u.name, nkey: "", bcrypt, permissions }];
        }),
    };
  });
}

type Permissions = NonNullable<Vars["users"][number]["permissions"]>;

function permitted(permissions: Permissions, streams: Vars["streams"]): Permissions {
  const { publish } = permissions;
  if (!publish) return permissions;
  const { allow, deny } = publish;
  return { ...permissions, publish: { ...(allow && { allow: withInlets(allow, streams) }), ...(deny && { deny: withInlets(deny, streams) }) } };
}
