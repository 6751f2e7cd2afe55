import { didYouMean } from "./suggest.mts";
import { type Host, type Inventory, UsageError } from "./types.mts";

/**
 * Ansible's `--limit`: names of hosts and groups with `*` and `?`, joined by commas or colons; `!x` takes away, `&x` keeps only
 * those also in x. Hosts come in the inventory's order.
 * @throws UsageError when a part names nothing, or nothing remains
 */
export function select<V>(inventory: Inventory<V>, pattern: string): Host<V>[] {
  const parts = pattern
    .split(/[,:]/)
    .map((part) => part.trim())
    .filter((part) => part !== "");
  if (parts.length === 0) throw new UsageError(`--limit "${pattern}": names no host; write hosts or groups, joined by commas`);
  const signed = parts.map((part) => ({ sign: /^[!&]/.test(part) ? part[0] : "", names: resolve(inventory, part.replace(/^[!&]\s*/, ""), pattern) }));
  const plus = signed.filter(({ sign }) => sign === "");
  const chosen = inventory.hosts.filter(
    ({ name }) =>
      (plus.length === 0 || plus.some(({ names }) => names.has(name))) &&
      signed.every(({ sign, names }) => (sign === "!" ? !names.has(name) : sign === "&" ? names.has(name) : true)),
  );
  if (chosen.length === 0) throw new UsageError(`--limit "${pattern}": leaves no host; the hosts are ${inventory.hosts.map(({ name }) => name).join(", ")}`);
  return chosen;
}

function resolve<V>({ hosts, groups }: Inventory<V>, word: string, pattern: string): ReadonlySet<string> {
  const known = [...hosts.map(({ name }) => name), ...groups.keys()];
  const glob = new RegExp(
    `^${word
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
  );
  const found = known.filter((name) => glob.test(name));
  if (word === "" || found.length === 0) throw new UsageError(`--limit "${pattern}": no host or group "${word}"; ${didYouMean(word, known, "there are")}`);
  return new Set(found.flatMap((name) => [...(groups.get(name) ?? []), name]));
}
