import { readFileSync } from "node:fs";
import t from "tap";
import { defaults } from "../../../roles/kernel-tuning/defaults.mts";
import { PAGE, page } from "../../../roles/kernel-tuning/docs.mts";
import { SYSCTLS } from "../../../roles/kernel-tuning/sysctls.mts";

t.test("docs/kernel-tuning.md has the table of the data (if not: npx tsx roles/kernel-tuning/docs.mts)", async (t) => {
  const text = readFileSync(PAGE, "utf8");
  t.match(text, SYSCTLS[0]!.why);
  t.equal(text, page());
});

t.test("every key of the role is spoken of", async (t) => {
  const text = readFileSync(PAGE, "utf8");
  for (const key of Object.keys(defaults)) t.match(text, `\`${key}`, key);
});

t.test("each default has a reason and a source, and differs from the kernel's", async (t) => {
  for (const { name, value, kernel, why, source } of SYSCTLS) {
    t.ok(why.length > 10, name);
    t.match(source, /^https:\/\/docs\.kernel\.org\//, name);
    t.not(value, kernel, name);
  }
});
