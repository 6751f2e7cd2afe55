import { readFileSync } from "node:fs";
import t from "tap";
import ts from "typescript";
import { SCHEMA } from "../../lib/report/json.mts";

const here = (path: string): string => new URL(`../../${path}`, import.meta.url).pathname;

type Fields = Record<string, string>;
const fieldsOf = (members: readonly ts.Node[], source: ts.SourceFile): Fields =>
  Object.fromEntries(members.filter(ts.isPropertySignature).map((m) => [m.name.getText(source), m.type!.getText(source) + (m.questionToken ? "?" : "")]));

/** What the code says: each event of the union, and the interfaces within. */
function fromTypes(): Record<string, Fields> {
  const found: Record<string, Fields> = {};
  for (const file of ["lib/engine/events.mts", "lib/engine/resource.mts"]) {
    const source = ts.createSourceFile(file, readFileSync(here(file), "utf8"), ts.ScriptTarget.ES2022, true);
    source.forEachChild((node) => {
      if (ts.isInterfaceDeclaration(node) && ["Change", "Failure", "Figure", "Location", "Series", "TopologyServer", "TopologyStream"].includes(node.name.text))
        found[node.name.text] = fieldsOf([...node.members], source);
      if (!ts.isTypeAliasDeclaration(node) || node.name.text !== "Event" || !ts.isUnionTypeNode(node.type)) return;
      for (const member of node.type.types) {
        if (!ts.isTypeLiteralNode(member)) continue;
        const { type, ...fields } = fieldsOf([...member.members], source);
        found[JSON.parse(type!) as string] = fields;
      }
    });
  }
  return found;
}

/** What the page says: a heading and the first two columns of its table. */
function fromPage(): Record<string, Fields> {
  const found: Record<string, Fields> = {};
  for (const part of readFileSync(here("docs/events.md"), "utf8").split(/^### /m).slice(1)) {
    const rows = [...part.matchAll(/^\| `(\w+)` \| `(.+?)` \| (.+) \|$/gm)];
    if (rows.length > 0) found[/^\w+/.exec(part)![0]] = Object.fromEntries(rows.map((r) => [r[1]!, r[2]!.replaceAll("\\|", "|")]));
  }
  return found;
}

t.test("docs/events.md has every event and field of the type, and no other", async (t) => {
  const types = fromTypes();
  t.ok(Object.keys(types).length >= 14, "the type was found");
  t.same(fromPage(), types);
});

t.test("docs/events.md names the schema version that --json writes", async (t) => {
  t.match(readFileSync(here("docs/events.md"), "utf8"), `"schema": ${SCHEMA}`);
});
