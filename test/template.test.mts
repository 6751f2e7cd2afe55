import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import t from "tap";
import { Secret } from "../lib/secret.mts";
import { render, type View } from "../lib/template.mts";

const dir = mkdtempSync(join(tmpdir(), "sampan-template-"));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));
const file = join(dir, "x.mustache");

function rendered(text: string, view: View): string {
  writeFileSync(file, text);
  return render(pathToFileURL(file), view);
}
/** The error's text, without the folder. */
function fault(text: string, view: View): string {
  try {
    return `no error: ${rendered(text, view)}`;
  } catch (error) {
    return (error as Error).message.replace(`${dir}/`, "");
  }
}
const lacks = (line: number, name: string): string =>
  `x.mustache:${line}: the template asks for {{${name}}}, which its view doesn't have; add it in the role's tasks.mts`;

t.test("values stand as they are: this is not HTML", async (t) => {
  const odd = `<a href="x">&'\`/=\\ $1 $& {{b}}`;
  t.equal(rendered("{{a}} {{{a}}} {{&a}}", { a: odd }), `${odd} ${odd} ${odd}`);
  fc.assert(fc.property(fc.string({ unit: "binary" }), (a) => rendered("<{{a}}>", { a }) === `<${a}>`));
});

t.test("a missing variable is an error with file and line", async (t) => {
  t.equal(fault("one\n  two: {{two}}\n", {}), lacks(2, "two"));
  t.equal(fault("{{{raw}}}", {}), lacks(1, "raw"));
  t.equal(fault("{{&raw}}", {}), lacks(1, "raw"));
  t.equal(fault("\n\n{{a.b}}", { a: {} }), lacks(3, "a.b"));
  t.equal(fault("{{a.b.c}}", { a: { b: null } }), lacks(1, "a.b.c"));
  t.equal(fault("{{undefined}}", { undefined: undefined }), lacks(1, "undefined"));
  t.equal(fault("{{toString}} {{constructor}}", {}), lacks(1, "toString"), "what every object has is no variable");
});

t.test("so is a missing section, plain or inverted", async (t) => {
  t.equal(fault("a\n{{#s}}x{{/s}}", {}), lacks(2, "s"));
  t.equal(fault("a\n{{^s}}x{{/s}}", {}), lacks(2, "s"));
});

t.test("and one inside a section that is rendered, also for one item of several", async (t) => {
  t.equal(fault("{{#s}}\n{{x}}\n{{/s}}", { s: true }), lacks(2, "x"));
  t.equal(fault("{{^s}}\n{{x}}\n{{/s}}", { s: false }), lacks(2, "x"));
  t.equal(fault("{{^s}}\n{{x}}\n{{/s}}", { s: [] }), lacks(2, "x"));
  t.equal(fault("{{#s}}\n\n{{x}}{{/s}}", { s: [{ x: 1 }, {}] }), lacks(3, "x"));
  t.equal(fault("{{#a}}\n{{#b}}\n{{x}}{{/b}}{{/a}}", { a: [{ b: [{ x: 1 }] }, { b: [{ y: 1 }] }] }), lacks(3, "x"));
});

t.test("what isn't rendered needs nothing", async (t) => {
  t.equal(rendered("{{#s}}{{x}}{{/s}}{{^t}}{{y}}{{/t}}!", { s: false, t: 1 }), "!");
  t.equal(rendered("{{#s}}{{x}}{{/s}}!", { s: [] }), "!");
});

t.test("falsy values are values", async (t) => {
  t.equal(rendered("[{{zero}}] [{{no}}] [{{empty}}]", { zero: 0, no: false, empty: "" }), "[0] [false] []");
  for (const off of [0, false, "", null, []]) t.equal(rendered("{{#s}}yes{{/s}}{{^s}}no{{/s}}", { s: off }), "no", JSON.stringify(off));
  for (const on of [1, "0", true, [0], {}]) t.equal(rendered("{{#s}}yes{{/s}}{{^s}}no{{/s}}", { s: on }), "yes", JSON.stringify(on));
});

t.test("a null where a text should be is an error", async (t) => t.equal(fault("\nx: {{a}}", { a: null }), lacks(2, "a")));

t.test("sections: nested, lists, the item itself, the view around", async (t) => {
  t.equal(
    rendered("{{#a}}{{n}}:{{#b}}{{n}}{{up}} {{/b}};{{/a}}", {
      up: "^",
      a: [
        { n: 1, b: [{ n: 2 }, { n: 3 }] },
        { n: 4, b: [] },
      ],
    }),
    "1:2^ 3^ ;4:;",
  );
  t.equal(rendered("{{#list}}<{{.}}>{{/list}}", { list: ["a", 0, "b"] }), "<a><0><b>");
  t.equal(rendered("{{#o}}{{x}}{{/o}}", { o: { x: "in" }, x: "out" }), "in");
  t.equal(rendered("{{#o}}{{x}}{{/o}}", { o: { y: 1 }, x: "out" }), "out");
});

t.test("a section's own lines leave no blank ones", async (t) => t.equal(rendered("a\n{{#s}}\nb\n{{/s}}\n{{^s}}\nc\n{{/s}}\nd\n", { s: true }), "a\nb\nd\n"));

t.test("comments are left out", async (t) => t.equal(rendered("a{{! not {here} }}b", {}), "ab"));

t.test("partials are refused: mustache would leave them out without a word", async (t) =>
  t.equal(fault("a\n{{> other}}", { other: "x" }), "x.mustache:2: {{> other}} is a partial, and there are none here; write its text into the template"),
);

t.test("what has no text of its own is refused: a function, a list, an object, and above all a Secret", async (t) => {
  for (const a of [() => "x", ["x"], { x: 1 }, new Secret("x")])
    t.equal(fault("\n{{a}}", { a }), "x.mustache:2: {{a}} is no text or number; give its text in the role's tasks.mts");
  t.match(fault("{{#s}}{{.}}{{/s}}", { s: [["x"]] }), /^x\.mustache:1: \{\{\.\}\} is no text/);
  t.match(fault("{{#s}}x{{/s}}", { s: () => true }), /^x\.mustache:1: /);
});

t.test("a template that doesn't parse says where", async (t) => {
  t.match(fault("a\n{{#s}}\nb", { s: 1 }), /^x\.mustache:3: Unclosed section "s"; correct the template$/);
  t.match(fault("\n{{a", { a: 1 }), /^x\.mustache:2: Unclosed tag; correct the template$/);
  t.match(fault("{{#a}}\n{{/b}}", { a: 1 }), /^x\.mustache:2: Unclosed section "a"/);
});

t.test("equal templates in different files are told apart in errors", async (t) => {
  t.equal(fault("{{a}}", {}), lacks(1, "a"));
  const other = join(dir, "y.mustache");
  writeFileSync(other, "{{a}}");
  t.throws(() => render(pathToFileURL(other), {}), { message: /y\.mustache:1:/ });
});
