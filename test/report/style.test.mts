import t from "tap";
import { style, wantsColour, wantsUnicode } from "../../lib/report/style.mts";

const colours: [env: Record<string, string>, isTTY: boolean, expected: boolean][] = [
  [{ TERM: "xterm" }, true, true],
  [{ TERM: "xterm" }, false, false],
  [{ TERM: "dumb" }, true, false],
  [{ NO_COLOR: "1" }, true, false],
  [{ NO_COLOR: "" }, true, true],
  [{ FORCE_COLOR: "1" }, false, true],
  [{ FORCE_COLOR: "0" }, true, false],
  [{ FORCE_COLOR: "1", NO_COLOR: "1" }, false, true],
];
for (const [env, isTTY, expected] of colours) {
  t.test(
    `colour with ${JSON.stringify(env)} ${isTTY ? "on a terminal" : "in a pipe"}: ${expected}`,
    async (t) => void t.equal(wantsColour(env, isTTY), expected),
  );
}

const locales: [env: Record<string, string>, expected: boolean][] = [
  [{ LANG: "en_GB.UTF-8" }, true],
  [{ LANG: "C.utf8" }, true],
  [{ LANG: "C" }, false],
  [{}, false],
  [{ LANG: "en_GB.UTF-8", LC_ALL: "C" }, false],
  [{ LANG: "C", LC_CTYPE: "zh_HK.UTF-8" }, true],
];
for (const [env, expected] of locales) {
  t.test(`Unicode symbols with ${JSON.stringify(env)}: ${expected}`, async (t) => void t.equal(wantsUnicode(env), expected));
}

t.test("symbols are ASCII where the locale isn't UTF-8", async (t) => {
  t.match(Object.values(style({ colour: false, unicode: false }).symbols).join(""), /^[\x20-\x7e]+$/);
});
