import { existsSync } from "node:fs";
import { join } from "node:path";
import { readContents } from "./contents.mts";
import type { SavedStream } from "./manifest.mts";
import { pace } from "./pace.mts";
import { BadArchive } from "./s2.mts";
import { subjectDifferences } from "./subjects.mts";

/**
 * Reads a saved stream's file to its end and compares it with the manifest: checksum, messages, sequences, subjects, consumers.
 * @returns what is wrong, a line each; empty: nothing is
 */
export async function verifySaved(
  dir: string,
  saved: SavedStream,
  { tell = () => {}, signal }: { tell?: (text: string) => void; signal?: AbortSignal } = {},
): Promise<string[]> {
  const path = join(dir, saved.file);
  if (!existsSync(path)) return [`${saved.file} is missing`];
  try {
    const is = await readContents(path, { range: { first: saved.state.first_seq, last: saved.state.last_seq }, progress: pace(tell, saved.bytes), signal });
    const wrong = (["sha256", "bytes", "format", "messages", "first", "last"] as const)
      .filter((key) => is[key] !== saved[key])
      .map((key) => (key === "sha256" ? "its checksum isn't the manifest's" : `${key}: ${is[key]} instead of ${saved[key]}`));
    wrong.push(...subjectDifferences(is.subjects, saved.subjects));
    for (const { name, ackFloor, delivered } of saved.consumers) {
      const other = is.consumers.find((c) => c.name === name);
      if (!other) wrong.push(`consumer ${name} is missing`);
      else if (other.ackFloor !== ackFloor || other.delivered !== delivered) wrong.push(`consumer ${name}: ack floor ${other.ackFloor} instead of ${ackFloor}`);
    }
    return wrong;
  } catch (error) {
    if (error instanceof BadArchive) return [error.message];
    throw error;
  }
}
