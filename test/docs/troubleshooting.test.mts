import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { root } from "../lab/fixture.mts";
import { page } from "./pages.mts";

const sources = ["lib", "roles", "playbooks"]
  .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((f) => join(root, folder, f)))
  .filter((f) => /\.(mts|mjs|sh)$/.test(f))
  .map((f) => readFileSync(f, "utf8"))
  .join("\n");

/** The messages of the page: the first cell of each row. `…` stands for what differs from case to case. */
const messages = page("docs/troubleshooting.md")
  .text.split("\n")
  .flatMap((line, i) => {
    const [, message] = /^\| `(.+?)` \|/.exec(line) ?? [];
    return message ? [{ message, line: i + 1 }] : [];
  });

/** Finds a message in the source, where a template's `${…}` or a shell's variable stands for each `…`. */
function found(message: string, text: string): boolean {
  const pieces = message.split("…").map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll('"', '\\\\?"'));
  return new RegExp(pieces.join("[^\n]{0,300}?")).test(text);
}

t.test("each message that docs/troubleshooting.md explains is one that the source has", async (t) => {
  t.ok(messages.length > 60, `${messages.length} messages`);
  for (const { message, line } of messages) {
    t.ok(message.replaceAll(/[…\s]/g, "").length >= 10, `docs/troubleshooting.md:${line}: too little to be found by: ${message}`);
    t.ok(found(message, sources), `docs/troubleshooting.md:${line}: ${message}`);
  }
});

t.test("a message that the source doesn't have isn't found", async (t) => {
  t.notOk(found("the host key of … is not in the safe", sources));
  t.ok(found("the host key of … is not in …", sources));
});

t.test("everything that ssh or sudo may refuse with is explained", async (t) => {
  const causes = readFileSync(join(root, "lib/ssh/errors.mts"), "utf8").split("/** Explains why")[0]!;
  const told = [...causes.matchAll(/\[\s*`([^`]+)`,/g)].map(([, text]) => text!).filter((text) => !text.startsWith("${what}"));
  t.ok(told.length >= 15, `${told.length} of them`);
  for (const text of told)
    t.ok(
      messages.some(({ message }) => found(message, text)),
      text,
    );
});
