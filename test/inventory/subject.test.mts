import fc from "fast-check";
import t from "tap";
import { isSubject, subjectsOverlap, subjectWithin } from "../../roles/cluster-config/subject.mts";

const pairs: [string, string, boolean, boolean][] = [
  // a, b, overlap, a within b
  ["a", "a", true, true],
  ["a", "b", false, false],
  ["a.b", "a.*", true, true],
  ["a.*", "a.b", true, false],
  ["a.*", "*.b", true, false],
  ["a.>", "a", false, false],
  ["a.b.c", "a.>", true, true],
  ["a.>", "a.*", true, false],
  ["a.*.c", "a.>", true, true],
  ["a.*.c", "a.b.*", true, false],
  ["a.*.c", "a.*.d", false, false],
  [">", "a", true, false],
  ["a", ">", true, true],
];
for (const [a, b, overlap, within] of pairs) {
  t.test(`${a} and ${b} ${overlap ? "overlap" : "don't overlap"}`, async (t) => t.equal(subjectsOverlap(a, b), overlap));
  t.test(`${a} ${within ? "lies" : "doesn't lie"} within ${b}`, async (t) => t.equal(subjectWithin(a, b), within));
}
for (const text of ["a..b", "", "a.", ".a", "a b", "a.>.b"]) t.test(`"${text}" is no subject`, async (t) => t.notOk(isSubject(text)));

const token = fc.constantFrom("a", "b", "*");
const subject = fc.tuple(fc.array(token, { minLength: 1, maxLength: 3 }), fc.boolean()).map(([tokens, rest]) => [...tokens, ...(rest ? [">"] : [])].join("."));
const literals = ["a", "b"].flatMap((x) => [
  x,
  ...["a", "b"].flatMap((y) => [`${x}.${y}`, ...["a", "b"].flatMap((z) => [`${x}.${y}.${z}`, ...["a", "b"].map((u) => `${x}.${y}.${z}.${u}`)])]),
]);
t.test("overlap means that some subject matches both, within that all do", async (t) =>
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(subject, subject, (a, b) => {
        const both = literals.some((one) => subjectWithin(one, a) && subjectWithin(one, b));
        const all = literals.every((one) => !subjectWithin(one, a) || subjectWithin(one, b));
        return subjectsOverlap(a, b) === both && (!subjectWithin(a, b) || all);
      }),
      { numRuns: 500 },
    ),
  ),
);
