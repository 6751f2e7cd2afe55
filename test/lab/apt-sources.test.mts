import t from "tap";
import { debianMirror, parseSources } from "../../lib/lab/apt-sources.mts";

t.test("deb822", async (t) => {
  const sources = parseSources(
    `# ours
Types: deb deb-src
# a comment between fields
URIs: http://mirror.test/debian
Suites: bookworm
 bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Enabled: no
Types: deb
URIs: http://off.test/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://source.test/debian
Suites: bookworm
Components: main
`,
    true,
  );
  t.same(sources, [
    {
      uri: "http://mirror.test/debian",
      suites: ["bookworm", "bookworm-updates"],
      components: ["main", "contrib"],
      signedBy: "/usr/share/keyrings/debian-archive-keyring.gpg",
    },
  ]);
});

t.test("one-line", async (t) => {
  const sources = parseSources(
    `
# deb http://off.test/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://mirror.test/debian bookworm main contrib # near
deb-src http://mirror.test/debian bookworm main
`,
    false,
  );
  t.same(sources, [{ uri: "http://mirror.test/debian", suites: ["bookworm"], components: ["main", "contrib"], signedBy: "/k.gpg" }]);
});

t.test("Debian's mirror is told from others that use its names", async (t) => {
  const from = (list: string): string | undefined => debianMirror(parseSources(list, false));
  t.equal(
    from("deb [signed-by=/usr/share/keyrings/tool.gpg] https://tool.test bookworm main\ndeb http://m.test/debian bookworm main"),
    "http://m.test/debian",
    "signed by someone else",
  );
  t.equal(from("deb http://tool.test bookworm main\ndeb http://m.test/debian bookworm main"), "http://m.test/debian", "the one whose path says so");
  t.equal(from("deb http://m.test/debian-security bookworm-security main\ndeb http://m.test/mirrors/debian/ stable main"), "http://m.test/mirrors/debian/");
  t.equal(from("deb http://m.test/ubuntu noble main\ndeb https://x.test/debian bookworm stable"), undefined);
  t.equal(from(""), undefined);
});
