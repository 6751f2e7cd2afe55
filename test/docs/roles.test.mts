import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { schema } from "../../roles/schema.mts";
import { root } from "../lab/fixture.mts";
import { page } from "./pages.mts";

const named = (file: string): Set<string> => new Set(page(file).spans.flatMap(({ text }) => text.match(/[@\w./-]+/g) ?? []));

t.test("docs/roles.md says of each of the roles' keys what a change of it does", async (t) => {
  const said = named("docs/roles.md");
  const silent = Object.keys(schema.entries).filter((key) => !key.startsWith("allow_") && ![...said].some((s) => s === key || s.startsWith(`${key}.`)));
  t.same(silent, []);
});

t.test("docs/dependencies.md has each package of package.json", async (t) => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, Record<string, string>>;
  const said = named("docs/dependencies.md");
  t.same(
    Object.keys({ ...dependencies, ...devDependencies }).filter((name) => !said.has(name)),
    [],
  );
});
