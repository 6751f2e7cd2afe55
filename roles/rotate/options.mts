import { UsageError } from "../../lib/inventory/types.mts";
import { type Flags, type Options, ownFlags } from "../../lib/playbook/cli.mts";

export const flags = {
  certificates: { type: "boolean", text: "new keys and certificates for all servers, from the same CA" },
  ca: { type: "boolean", text: "a new CA, trusted by all servers beside the old one; clients then get pki/ca.crt" },
  switch: { type: "boolean", text: "with --ca: the servers' certificates come from the new CA" },
  credentials: { type: "boolean", text: "new nkey seeds, accepted beside the old ones; clients then get them from .env" },
  user: { type: "string", multiple: true, value: "NAME", text: "with --credentials: these users only (repeatable)" },
  finish: { type: "boolean", text: "with --ca or --credentials: the old one is no longer accepted" },
  "disconnect-clients": { type: "boolean", text: "with --credentials --finish: also while clients are connected by the old seed" },
} as const satisfies Flags;

export type Rotation =
  | { what: "certificates" }
  | { what: "ca"; step: "trust" | "switch" | "finish" }
  | { what: "credentials"; users: readonly string[] | undefined; finish: boolean; disconnect: boolean };

/** @throws UsageError when the flags don't say one thing */
export function rotationOf(options: Options): Rotation {
  const own = ownFlags(flags, options);
  const kinds = (["certificates", "ca", "credentials"] as const).filter((k) => own[k]);
  if (kinds.length !== 1)
    throw new UsageError(
      kinds.length
        ? `--${kinds.join(" and --")} are rotated one after another; give one of them`
        : "say what to rotate: --certificates, --ca or --credentials; see --help",
    );
  const [what] = kinds;
  const only = (flag: keyof typeof own, ...of: string[]): void => {
    if (own[flag] !== undefined && !of.includes(what!)) throw new UsageError(`--${flag} goes with --${of.join(" or --")}`);
  };
  only("switch", "ca");
  only("user", "credentials");
  only("finish", "ca", "credentials");
  only("disconnect-clients", "credentials");
  if (own.switch && own.finish) throw new UsageError("--switch and --finish are two steps: clients need time in between; give one of them");
  if (own["disconnect-clients"] && !own.finish) throw new UsageError("--disconnect-clients goes with --finish");
  if (what === "certificates") return { what };
  if (what === "ca") return { what, step: own.switch ? "switch" : own.finish ? "finish" : "trust" };
  return { what: "credentials", users: own.user?.flatMap((u) => u.split(",")), finish: own.finish ?? false, disconnect: own["disconnect-clients"] ?? false };
}
