import t from "tap";
import { commandsOf } from "./commands.mts";
import { page } from "./pages.mts";

const english = page("README.md"),
  chinese = page("README.zh-CN.md");

t.test("both READMEs have the same headings, tables, pictures, links and commands", async (t) => {
  t.same(
    chinese.headings.map(({ level }) => level),
    english.headings.map(({ level }) => level),
    "levels of the headings",
  );
  const rows = (text: string): number => text.split("\n").filter((l) => l.startsWith("|")).length;
  t.equal(rows(chinese.text), rows(english.text), "rows of tables");
  const targets = (p: typeof english): string[] =>
    p.links
      .map(({ target }) => target)
      .filter((target) => !/^README|^#/.test(target))
      .sort();
  t.same([...new Set(targets(chinese))], [...new Set(targets(english))], "links");
  t.same(
    commandsOf(chinese).map(({ words }) => words.join(" ")),
    commandsOf(english).map(({ words }) => words.join(" ")),
    "commands in their order",
  );
});

t.test("they lead to each other", async (t) => {
  t.ok(english.links.some(({ target }) => target === "README.zh-CN.md"));
  t.ok(chinese.links.some(({ target }) => target === "README.md"));
});

t.test("the Chinese one is Chinese", async (t) => {
  const characters = [...chinese.text.matchAll(/\p{Script=Han}/gu)].length;
  t.ok(characters > 1500, `${characters} characters`);
  t.notMatch(chinese.text, /[\p{Script=Han}][,;:?!](?=[\p{Script=Han}])/u, "full-width punctuation between Chinese");
});
