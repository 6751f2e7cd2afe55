import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { LabError } from "./error.mts";
import { readFileIfThere } from "./files.mts";

export interface AptSource {
  uri: string;
  suites: string[];
  components: string[];
  signedBy: string | undefined;
}

/** Reads both forms of apt's sources: one-line (`deb [options] URI SUITE COMPONENT…`) and deb822 paragraphs. */
export function parseSources(text: string, deb822: boolean): AptSource[] {
  return deb822 ? text.split(/\n\s*\n/).flatMap(parseParagraph) : text.split("\n").flatMap(parseLine);
}

function parseLine(line: string): AptSource[] {
  const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)((?:\s+[^\s#]+)*)/.exec(line);
  if (match === null) return [];
  const [, options = "", uri = "", suite = "", components = ""] = match;
  return [{ uri, suites: [suite], components: words(components), signedBy: /signed-by=(\S+)/i.exec(options)?.[1] }];
}

function parseParagraph(paragraph: string): AptSource[] {
  const fields = new Map<string, string>();
  let name = "";
  for (const line of paragraph.split("\n").filter((line) => !line.startsWith("#"))) {
    const field = /^([^\s:]+):\s*(.*)$/.exec(line);
    if (field !== null) fields.set((name = (field[1] ?? "").toLowerCase()), field[2] ?? "");
    else fields.set(name, `${fields.get(name) ?? ""} ${line.trim()}`); // a continuation line
  }
  if (!words(fields.get("types")).includes("deb") || fields.get("enabled")?.trim().toLowerCase() === "no") return [];
  return words(fields.get("uris")).map((uri) => ({
    uri,
    suites: words(fields.get("suites")),
    components: words(fields.get("components")),
    signedBy: fields.get("signed-by"),
  }));
}

const words = (text = ""): string[] => text.split(/\s+/).filter((word) => word !== "");

const debianSuites = new Set(["bullseye", "bookworm", "trixie", "forky", "sid", "oldstable", "stable", "testing", "unstable"]);

/** Third parties use Debian's suite names too (`… bookworm main`), but sign with their own key. */
const isDebian = ({ suites, components, signedBy }: AptSource): boolean =>
  suites.some((suite) => debianSuites.has(suite)) && components.includes("main") && (signedBy === undefined || signedBy.includes("debian-archive"));

export function debianMirror(sources: readonly AptSource[]): string | undefined {
  const candidates = sources.filter(isDebian).map(({ uri }) => uri);
  return candidates.find((uri) => /\/debian\/?$/.test(uri)) ?? candidates[0];
}

/** The Debian mirror this machine itself uses: it is reachable, and near. SAMPAN_DEBIAN_MIRROR says another. */
export async function machineMirror(): Promise<string> {
  const chosen = process.env["SAMPAN_DEBIAN_MIRROR"];
  if (chosen) return chosen;
  const parts = "/etc/apt/sources.list.d";
  const files = ["/etc/apt/sources.list", ...(await readdir(parts).catch(() => [])).sort().map((name) => join(parts, name))];
  const sources: AptSource[] = [];
  for (const file of files.filter((name) => /\.(list|sources)$/.test(name))) {
    sources.push(...parseSources((await readFileIfThere(file)) ?? "", file.endsWith(".sources")));
  }
  const mirror = debianMirror(sources);
  if (mirror !== undefined) return mirror;
  throw new LabError("no Debian mirror among this machine's apt sources", "set SAMPAN_DEBIAN_MIRROR to the URL of one and run again");
}
