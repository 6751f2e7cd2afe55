import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { root } from "../lab/fixture.mts";
import { page } from "./pages.mts";

t.test("docs/runbook.md explains every check of a cluster's health, under its own title, and no other", async (t) => {
  const folder = join(root, "lib/nats");
  const text = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((f) => f.endsWith(".mts"))
    .map((f) => readFileSync(join(folder, f), "utf8"))
    .join("\n");
  const checks = [...text.matchAll(/finding\(\s*"([\w.-]+)",\s*"([^"]+)"/g)].map(([, id, title]) => `${title} ${id}`);
  t.ok(checks.length > 25);
  const rows = [...page("docs/runbook.md").text.matchAll(/^\| ([^|`]+) \| `([\w-]+\.[\w-]+)` \|/gm)].map(([, title, id]) => `${title} ${id}`);
  t.same(rows.sort(), [...new Set(checks)].sort());
});
