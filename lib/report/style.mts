/** Colours and symbols. Own ANSI codes, since chalk costs 10 ms of start-up and util.styleText is not in Node 20.6. */

const INKS = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39], blue: [34, 39], magenta: [35, 39], cyan: [36, 39] } as const;
export type Ink = keyof typeof INKS;

const UNICODE = {
  arrow: "→",
  ellipsis: "…",
  ok: "✓",
  failed: "✗",
  running: "›",
  waiting: "·",
  bar: "━",
  track: "─",
  dot: "·",
  space: "·",
  rule: "─",
  spinner: "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏",
};
const ASCII: typeof UNICODE = {
  arrow: "->",
  ellipsis: "...",
  ok: "+",
  failed: "x",
  running: ">",
  waiting: ".",
  bar: "#",
  track: "-",
  dot: "-",
  space: "_",
  rule: "-",
  spinner: "|/-\\",
};

export interface Style {
  readonly colour: boolean;
  readonly symbols: Readonly<typeof UNICODE>;
  ink(ink: Ink | readonly Ink[], text: string): string;
}

export function style(options: { colour: boolean; unicode: boolean }): Style {
  return {
    colour: options.colour,
    symbols: options.unicode ? UNICODE : ASCII,
    ink(ink, text) {
      if (!options.colour || text === "") return text;
      const inks = typeof ink === "string" ? [ink] : ink;
      return inks.reduce((t, name) => `\x1b[${INKS[name][0]}m${t}\x1b[${INKS[name][1]}m`, text);
    },
  };
}

/** For files and other places without a terminal. */
export const PLAIN = style({ colour: false, unicode: true });

type Env = Readonly<Record<string, string | undefined>>;

/** FORCE_COLOR before NO_COLOR, as Node and chalk do it; see https://no-color.org and https://force-color.org. */
export function wantsColour(env: Env, isTTY: boolean): boolean {
  const force = env["FORCE_COLOR"];
  if (force !== undefined && force !== "") return force !== "0" && force !== "false";
  if (env["NO_COLOR"]) return false;
  return isTTY && env["TERM"] !== "dumb";
}

/** The locale's own order: LC_ALL, LC_CTYPE, LANG; the first that is set decides. */
export function wantsUnicode(env: Env): boolean {
  return /utf-?8/i.test(env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"] || "");
}
