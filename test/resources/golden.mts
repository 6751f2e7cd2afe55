import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Test } from "tap";
import type { Resource } from "../../lib/engine/resource.mts";
import { programOf } from "../engine/local-host.mts";

/**
 * The program of a resource (its part of one: without the library, which its other tests run) must be the text in test/resources/golden/NAME.sh.
 * With SAMPAN_GOLDEN=write it is written.
 */
export function golden(t: Test, name: string, ...resources: Resource[]): void {
  const text = programOf("apply", ...resources.map((r) => ({ ...r, uses: [] }))).text.replace(/^[^]*?(?=check_1\(\))/, "");
  const path = fileURLToPath(new URL(`golden/${name}.sh`, import.meta.url));
  if (process.env["SAMPAN_GOLDEN"] === "write") {
    mkdirSync(new URL("golden/", import.meta.url), { recursive: true });
    writeFileSync(path, text);
  }
  t.equal(text, existsSync(path) ? readFileSync(path, "utf8") : "", `golden/${name}.sh`);
}
