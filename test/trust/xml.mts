/** An element of an XML document. */
export interface Element {
  name: string;
  attributes: Record<string, string>;
  children: Element[];
  text: string;
}

/** Reads what a JUnit report may hold, and nothing that isn't well-formed XML. @throws Error with the place */
export function parseXml(text: string): Element {
  let at = 0;
  const fail = (why: string): never => {
    throw new Error(`${why} at ${at}: ${text.slice(at, at + 60)}`);
  };
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    const sticky = new RegExp(pattern.source, "uy");
    sticky.lastIndex = at;
    const found = sticky.exec(text) ?? undefined;
    if (found) at = sticky.lastIndex;
    return found;
  };
  const decode = (raw: string): string => {
    if (/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]|&(?!(?:amp|lt|gt|quot|apos);)/u.test(raw)) fail("a character that XML forbids");
    return raw.replace(/&(\w+);/g, (_, name: string) => ({ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" })[name]!);
  };
  const element = (): Element => {
    const name = (take(/<([a-z]+)/) ?? fail("no element"))[1]!;
    const attributes: Record<string, string> = {};
    for (let found = take(/\s+([a-z]+)="([^"<]*)"/); found; found = take(/\s+([a-z]+)="([^"<]*)"/)) {
      if (found[1]! in attributes) fail(`${found[1]} twice`);
      attributes[found[1]!] = decode(found[2]!);
    }
    const made: Element = { name, attributes, children: [], text: "" };
    if (take(/\s*\/>/)) return made;
    if (!take(/\s*>/)) fail("no end of a tag");
    for (;;) {
      made.text += decode(take(/[^<]*/)![0]);
      if (take(/<\/([a-z]+)>/)) {
        if (!text.slice(0, at).endsWith(`</${name}>`)) fail(`not the end of ${name}`);
        return made;
      }
      made.children.push(element());
    }
  };
  take(/<\?xml version="1\.0" encoding="UTF-8"\?>\s*/) ?? fail("no declaration");
  const top = element();
  take(/\s*/);
  if (at !== text.length) fail("something after the end");
  return top;
}

/** All elements of a name, however deep. */
export const all = (of: Element, name: string): Element[] => [...(of.name === name ? [of] : []), ...of.children.flatMap((c) => all(c, name))];
