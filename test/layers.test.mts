import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";

const root = fileURLToPath(new URL("../", import.meta.url));
const files = ["playbooks", "roles", "lib"]
  .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((f) => join(folder, f)))
  .filter((f) => f.endsWith(".mts"));
const sources = new Map(files.map((f) => [f, readFileSync(join(root, f), "utf8")]));

/** Every import of our own modules, static, dynamic or re-export. */
const imports = [...sources].flatMap(([from, text]) =>
  [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+)"/g)].map((m) => ({ from, to: relative(root, join(root, dirname(from), m[1]!)) })),
);

/** From the top down; those of a row are beside each other (design.md, "Layout"). */
const LAYERS = [
  ["playbooks"],
  ["roles"],
  ["lib/playbook", "lib/command"],
  ["lib/resources", "lib/nats", "lib/report", "lib/lab", "lib/pki", "lib/artifact"],
  ["lib/inventory"],
  ["lib/engine"],
  ["lib/ssh"],
  ["lib"],
];
/** The words that all layers share: types, and the error of a user's mistake. They know nothing of the layers. */
const WORDS = ["lib/inventory/types.mts", "lib/engine/events.mts", "lib/nats/bench/types.mts"];

const partOf = (file: string): string => {
  const [top, next] = dirname(file).split("/");
  return top === "lib" && next ? `lib/${next}` : top!;
};
const levelOf = (file: string): number => LAYERS.findIndex((row) => row.includes(partOf(file)));

t.test("every folder has its layer", async (t) => {
  t.same(
    files.filter((f) => levelOf(f) < 0),
    [],
  );
});

t.test("imports point downwards only", async (t) => {
  const wrong = imports.filter(({ from, to }) => partOf(from) !== partOf(to) && !WORDS.includes(to) && levelOf(to) <= levelOf(from));
  t.same(
    wrong.map(({ from, to }) => `${from} imports ${to}`),
    [],
  );
});

t.test("the shared words import nothing of a layer but each other and types of the lowest", async (t) => {
  const wrong = imports.filter(
    ({ from, to }) => WORDS.includes(from) && !WORDS.includes(to) && !["lib/secret.mts", "lib/sh.mts", "lib/engine/resource.mts"].includes(to),
  );
  t.same(
    wrong.map(({ from, to }) => `${from} imports ${to}`),
    [],
  );
  t.match(sources.get("lib/engine/events.mts"), /^import type /m, "events are types only");
  t.notMatch(sources.get("lib/engine/events.mts"), /^import \{/m);
});

/** Files whose text matches, but for those in the allowed places. */
const using = (pattern: RegExp, ...allowed: RegExp[]): string[] => files.filter((f) => pattern.test(sources.get(f)!) && !allowed.some((a) => a.test(f)));

t.test("shell text lies in lib/resources, lib/engine and lib/ssh", async (t) => {
  // A role may name a command in one line (`validate`, a handler's call into its library), but not write a program.
  const programs = (text: string): string[] => [...text.matchAll(/\bsh`((?:[^`\\]|\\.)*)`/g)].map((m) => m[1]!).filter((body) => body.includes("\n"));
  t.same(
    files.filter((f) => !/^lib\/(resources|engine|ssh)\//.test(f) && programs(sources.get(f)!).length > 0),
    [],
    "no sh`…` of several lines elsewhere",
  );
  t.same(using(/\btext: `\n/, /^lib\/(resources|engine)\//), [], "no shell library elsewhere");
});

t.test("ssh is started by lib/ssh, and by the lab for its own command", async (t) => {
  t.same(using(/\b(spawn|spawnSync|execFile|execFileSync)\(\s*"ssh"/, /^lib\/ssh\//, /^lib\/lab\//), []);
});

t.test("processes are started by the layers that are there for it", async (t) => {
  t.same(using(/from "node:child_process"|from "zx"/, /^lib\/(ssh|lab|artifact|command|nats\/bench)\//, /^playbooks\//), []);
});

t.test("nats.js is used by lib/nats; lib/pki has its keys", async (t) => {
  t.same(using(/\b(from|import)\s*\(?\s*"(nats|@nats-io\/[^"]+)"/, /^lib\/nats\//, /^lib\/pki\//), []);
  t.same(
    [...sources].filter(([f, text]) => f.startsWith("lib/pki/") && /from "nats"/.test(text) && !/import \{ nkeys \} from "nats"/.test(text)).map(([f]) => f),
    [],
    "nothing but nkeys",
  );
});

t.test("roles and resources do no I/O", async (t) => {
  t.same(
    using(/from "node:(fs|net|http|https|dgram)/, /^lib\/(?!resources\/)/, /^playbooks\//, /docs\.mts$/),
    ["roles/cluster.mts"],
    "but for the look whether a node can be reached directly",
  );
});
