import t from "tap";
import { select } from "../../lib/inventory/select.mts";
import { UsageError } from "../../lib/inventory/types.mts";
import { load } from "./fixture.mts";

const inventory = load({ "hosts.yml": "front: { hosts: { web-1: , web-2: } }\nback: { hosts: { db-1: , web-2: } }\n" });
const rows: [string, string[]][] = [
  ["web-2", ["web-2"]],
  ["front", ["web-1", "web-2"]],
  ["all", ["web-1", "web-2", "db-1"]],
  ["db-1,web-1", ["web-1", "db-1"]],
  ["web-1:db-1", ["web-1", "db-1"]],
  ["web-*", ["web-1", "web-2"]],
  ["*-1", ["web-1", "db-1"]],
  ["web-?", ["web-1", "web-2"]],
  ["!web-1", ["web-2", "db-1"]],
  ["all,!front", ["db-1"]],
  ["front,&back", ["web-2"]],
  ["all,!web-*", ["db-1"]],
  [" web-1 , db-1 ", ["web-1", "db-1"]],
  ["b*", ["web-2", "db-1"]],
];
for (const [pattern, names] of rows)
  t.test(`--limit "${pattern}"`, async (t) =>
    t.strictSame(
      select(inventory, pattern).map(({ name }) => name),
      names,
    ),
  );

const wrong: [string, string][] = [
  ["web-3", '--limit "web-3": no host or group "web-3"; did you mean "web-1"?'],
  ["nowhere", '--limit "nowhere": no host or group "nowhere"; there are: web-1, web-2, db-1, all, front, back'],
  ["", '--limit "": names no host; write hosts or groups, joined by commas'],
  ["front,!all", '--limit "front,!all": leaves no host; the hosts are web-1, web-2, db-1'],
  ["all,!forn", '--limit "all,!forn": no host or group "forn"; there are: web-1, web-2, db-1, all, front, back'],
];
for (const [pattern, message] of wrong)
  t.test(`--limit "${pattern}" is refused`, async (t) => t.throws(() => select(inventory, pattern), new UsageError(message)));
