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

t.test("the figures beside Ansible are those of docs/benchmarks.md", async (t) => {
  const cells = (row: string): string[] =>
    row
      .split("|")
      .slice(1, -1)
      .map((c) => c.trim());
  const measured = page("docs/benchmarks.md").text.split("\n");
  const begins = ["sampan", "floor, cold", "Ansible with Mitogen", "Ansible, tuned", "Ansible as it comes"];
  for (const readme of [english, chinese]) {
    const lines = readme.text.split("\n");
    const first = lines.findIndex((l) => l.startsWith("| sampan |"));
    begins.forEach((name, i) => {
      const row = cells(measured.find((l) => l.startsWith(`| ${name}`))!);
      t.same(
        cells(lines[first + i]!).slice(1),
        row.slice(1, 4).map((c) => c.split(" ")[0]),
        `${readme.file}: ${name}`,
      );
    });
  }
});
