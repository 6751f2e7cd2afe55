import { existsSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import t from "tap";
import { root } from "../lab/fixture.mts";
import { page, pages } from "./pages.mts";

const all = pages();

t.test("every link leads to a file of the repository, and its anchor to a heading", async (t) => {
  for (const { file, links } of all)
    for (const { target, line } of links) {
      if (/^(https?|mailto):/.test(target)) continue;
      const [path = "", anchor] = target.split("#");
      const to = path === "" ? file : relative(root, join(root, dirname(file), path));
      t.ok(existsSync(join(root, to)), `${file}:${line}: ${target}`);
      if (anchor !== undefined && to.endsWith(".md") && existsSync(join(root, to)))
        t.ok(page(to).anchors.includes(decodeURIComponent(anchor)), `${file}:${line}: ${target}: ${to} has no such heading`);
    }
});

/** Folders that a reader makes: other regions, the lab's, a backup's. */
const MADE = /^inventory\/(?!hk(\/|$))|^inventory\/hk\/(\.env$|pki|known_hosts|host_vars|facts)|^(lib|roles|playbooks)\/[^ ]*\b(house|timezone)\b/;

t.test("every path of the repository that a page names is there", async (t) => {
  for (const { file, spans } of all)
    for (const { text, line } of spans) {
      const path = /^((?:lib|roles|playbooks|test|docs|inventory|editors|examples|\.github)\/[\w./-]*)(?::\d+)?$/.exec(text)?.[1];
      if (!path || MADE.test(path)) continue;
      t.ok(
        ["", ".mts", ".test.mts"].some((ending) => existsSync(join(root, path + ending))),
        `${file}:${line}: ${path}`,
      );
    }
});

t.test("every page is listed in docs/README.md, and README leads there", async (t) => {
  const listed = page("docs/README.md").links.map(({ target }) => target.split("#")[0]);
  for (const { file } of all)
    if (file.startsWith("docs/") && file !== "docs/README.md") t.ok(listed.includes(file.slice("docs/".length)), `docs/README.md lists ${file}`);
  for (const readme of ["README.md", "README.zh-CN.md"])
    t.ok(
      page(readme).links.some(({ target }) => target === "docs/README.md"),
      readme,
    );
});

t.test("pictures are there and not empty", async (t) => {
  for (const { file, text } of all)
    for (const [, path] of text.matchAll(/!\[[^\]]*\]\(([^)]+)\)|<img[^>]*src="([^"]+)"/g))
      if (path && !path.startsWith("http")) t.ok(statSync(join(root, dirname(file), path), { throwIfNoEntry: false })?.size, `${file}: ${path}`);
});
