import type { EventOf } from "./tally.mts";
import { plural } from "./text.mts";

type Table = EventOf<"table">;
/** Clusters of a phase, of which each shows its own tables; of more, one table has them all. */
const EACH = 5;

/** Tables that say the same of many clusters (`edge-07: servers`): one with the cluster as its first column, when all have told. */
export class Gathered {
  private readonly kinds = new Map<string, { what: string; of: Map<string, Table> }>();

  /** @param lanes of the phase that is under way. @returns whether it was taken; else it is shown by itself */
  take(table: Table, lanes: readonly string[]): boolean {
    const [, lane = "", what = ""] = /^([^:]+): (.+)$/.exec(table.title) ?? [];
    if (lanes.length <= EACH || !lanes.includes(lane)) return false;
    const key = JSON.stringify([what, table.columns]);
    const kind = this.kinds.get(key) ?? { what, of: new Map() };
    this.kinds.set(key, kind);
    kind.of.set(lane, table);
    return true;
  }

  /** What was taken, once; clusters in the order of `lanes`. */
  tables(lanes: readonly string[]): Table[] {
    const tables = [...this.kinds.values()].map(({ what, of }): Table => {
      const told = [...of].sort(([a], [b]) => lanes.indexOf(a) - lanes.indexOf(b));
      const [, first] = told[0]!;
      return {
        ...first,
        title: `${what}: ${plural(of.size, "cluster")}`,
        columns: ["cluster", ...first.columns],
        rows: told.flatMap(([lane, { rows }]) => rows.map((row) => [lane, ...row])),
      };
    });
    this.kinds.clear();
    return tables;
  }
}
