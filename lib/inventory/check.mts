import type { Compiled } from "./compile.mts";
import { related } from "./host.mts";
import { nodeAt, originAt, type Path } from "./node.mts";
import type { Host } from "./types.mts";

/** What a check of the meaning sees and says; the paths lead to what is wrong. */
export interface CheckContext<V> {
  /** the inventory's folder by name */
  region: string;
  /** those that could be read */
  hosts: readonly Host<V>[];
  /** every host could be read: for checks that count or compare hosts */
  complete: boolean;
  error(host: Host<V>, path: Path, text: string): void;
  warn(host: Host<V>, path: Path, text: string): void;
  /** the inventory says it itself, it isn't a default */
  written(host: Host<V>, path: Path): boolean;
}

export type Check<V> = (context: CheckContext<V>) => void;

/** Runs the checks; what stands on a value that is known to be bad is not spoken of again. */
export function runChecks<V>(checks: readonly Check<V>[], region: string, { hosts, trees, problems, warnings }: Compiled<V>): void {
  const sayTo =
    (list: typeof problems) =>
    (host: Host<V>, path: Path, text: string): void => {
      const { tree, bad } = trees.get(host.name)!;
      if (!bad.some((other) => related(other, path) || (other[0] === path[0] && other.some((key) => typeof key === "number"))))
        list.add(originAt(tree, path), text);
    };
  const context: CheckContext<V> = {
    region,
    hosts,
    complete: hosts.length === trees.size,
    error: sayTo(problems),
    warn: sayTo(warnings),
    written: (host, path) => {
      const { tree, base } = trees.get(host.name)!;
      return nodeAt(tree, path)?.at !== nodeAt(base, path)?.at;
    },
  };
  for (const check of checks) check(context);
}
