import t from "tap";
import { UsageError } from "../../../lib/inventory/types.mts";
import { formerVersion, type Has } from "../../../roles/upgrade/destination.mts";

const host = (name: string, linked: string, own: Partial<Has> = {}): Has => ({
  name,
  linked,
  stored: linked,
  former: undefined,
  installed: ["2.12.4", "2.14.0", "2.15.1"],
  ...own,
});
const lines = (hosts: readonly Has[], wanted: string): string[] => {
  try {
    return [formerVersion(hosts, wanted, false)];
  } catch (error) {
    if (error instanceof UsageError) return [...error.lines];
    throw error;
  }
};

t.test("all upgraded: back to what they had, whatever else lies there", async (t) => {
  t.strictSame(lines([host("n1", "2.15.1", { former: "2.12.4" }), host("n2", "2.15.1", { former: "2.12.4" })], "2.15.1"), ["2.12.4"]);
});

t.test("stopped half way: what the others still have", async (t) => {
  t.strictSame(lines([host("n1", "2.15.1", { former: "2.14.0" }), host("n2", "2.14.0", { former: "2.12.4" }), host("n3", "2.14.0")], "2.15.1"), ["2.14.0"]);
});

t.test("a way back that was interrupted goes on, it doesn't turn round", async (t) => {
  t.strictSame(lines([host("n1", "2.14.0", { former: "2.15.1" }), host("n2", "2.15.1", { former: "2.14.0" })], "2.14.0"), ["2.14.0"]);
});

t.test("nobody kept note: the only older one that lies there", async (t) => {
  t.strictSame(lines([host("n1", "2.15.1", { installed: ["2.14.0", "2.15.1"] })], "2.15.1"), ["2.14.0"]);
});

t.test("several could be meant, or none: it says what is there and asks for one", async (t) => {
  t.match(lines([host("n1", "2.15.1")], "2.15.1"), [
    /^--rollback: no one version lies beside 2\.15\.1 that all hosts ran before; name it: --to VERSION$/,
    /^n1: has 2\.15\.1, before that nothing that is known; beside it lie 2\.12\.4, 2\.14\.0, 2\.15\.1$/,
  ]);
  t.match(lines([host("n1", "2.15.1", { former: "2.14.0" }), host("n2", "2.15.1", { former: "2.12.4" })], "2.15.1")[0], /no one version/);
  t.match(lines([host("n1", "2.14.0", { former: "2.15.1" })], "2.14.0")[0], /no one version/, "it has been rolled back already");
  t.match(lines([host("n1", "2.15.1", { installed: ["2.15.1"] })], "2.15.1")[0], /no one version/);
});

t.test("streams that the older version can't read", async (t) => {
  const has = [
    host("n1", "2.15.1", { former: "2.10.27", installed: ["2.10.27", "2.15.1"] }),
    host("n2", "2.15.1", { former: "2.10.27", stored: undefined, installed: ["2.10.27", "2.15.1"] }),
  ];
  t.match(lines(has, "2.15.1"), [/^--rollback: n1 has streams written by 2\.15\.1, which 2\.10\.27 can't read; keep 2\.15\.1, or see .*docs\/upgrade\.md$/]);
  t.equal(formerVersion(has, "2.15.1", true), "2.10.27");
  const neverServed = has.map((h) => ({ ...h, stored: "2.10.27" }));
  t.strictSame(lines(neverServed, "2.15.1"), ["2.10.27"], "the newer one never got to the store");
});

t.test("what has been cleared away is to be fetched again", async (t) => {
  t.strictSame(lines([host("n1", "2.15.1", { former: "2.14.0", installed: ["2.15.1"] })], "2.15.1"), [
    "--rollback: 2.14.0 doesn't lie on n1; fetch it again: --to 2.14.0",
  ]);
});
