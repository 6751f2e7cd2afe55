import t from "tap";
import { clean, cleanLines, duration, list, truncate, truncateMiddle, width, wrap } from "../../lib/report/text.mts";

for (const [text, cells] of [
  ["nats", 4],
  ["香港", 4],
  ["e\u0301", 1],
  ["🚢", 2],
  ["\x1b[31mred\x1b[39m", 3],
  ["ｆｕｌｌ", 8],
  ["한국", 4],
  ["→…", 2],
] as const) {
  t.test(`${JSON.stringify(text)} takes ${cells} cells`, async (t) => void t.equal(width(text), cells));
}

for (const [text, cells, expected] of [
  ["short", 9, "short"],
  ["template x", 6, "templ…"],
  ["香港香港", 5, "香港…"],
  ["香港香港", 4, "香…"],
  ["abc", 1, "…"],
  ["abc", 0, ""],
] as const) {
  t.test(`${text} cut to ${cells} cells`, async (t) => void t.equal(truncate(text, cells), expected));
}

for (const [text, cells, expected] of [
  ["template /etc/nats/nats-server.conf", 26, "template …nats-server.conf"],
  ["kernel-args nohz_full=2-7", 12, "kernel-args…"],
  ["short", 9, "short"],
] as const) {
  t.test(`${text} cut in the middle to ${cells} cells`, async (t) => {
    t.equal(truncateMiddle(text, cells), expected);
    t.ok(width(truncateMiddle(text, cells)) <= cells);
  });
}

for (const [ms, expected] of [
  [0, "0 ms"],
  [999.6, "1.0 s"],
  [999, "999 ms"],
  [12_440, "12.4 s"],
  [59_960, "1 min 00 s"],
  [185_000, "3 min 05 s"],
  [3_720_000, "1 h 02 min"],
  [-5, "0 ms"],
] as const) {
  t.test(`${ms} ms reads ${expected}`, async (t) => void t.equal(duration(ms), expected));
}

t.test("what a host prints can't move the cursor or turn the text around", async (t) => {
  t.equal(clean("a\x1b[2J\x1b]0;title\x07b\x07\u202ec\x9b3D\r\nd\te"), "abc d e");
});

t.test("a progress bar rewritten by carriage returns keeps its last state", async (t) => {
  t.same(cleanLines("10%\r50%\r100%\r\ndone\n\n"), ["100%", "done"]);
});

t.test("a long list of names is cut", async (t) => {
  t.same([list([]), list(["a"]), list(["a", "b", "c"]), list(["a", "b", "c", "d", "e"])], ["", "a", "a, b and c", "a, b, c and 2 more"]);
});

t.test("cells wrap at spaces, and words only when they must", async (t) => {
  t.same(wrap("one two three", 8), ["one two", "three"]);
  t.same(wrap("/var/lib/nats", 8), ["/var/lib", "/nats"]);
});
