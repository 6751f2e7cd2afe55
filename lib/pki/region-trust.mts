import { UsageError } from "../inventory/types.mts";
import { readIfThere } from "./files.mts";
import { authorities } from "./region-ca.mts";

/**
 * What the servers of a region trust on links to other regions: its own CAs and those of the others, each certificate once, as PEM.
 * @param files CA files of the others
 * @throws UsageError when one of them can't be read, or holds no certificate
 */
export function withOtherRegions(own: string, files: readonly string[]): string {
  const pems = [own, ...files.map(must)].flatMap((text) => text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []);
  return [...new Set(pems)].map((pem) => `${pem}\n`).join("");
}

function must(path: string): string {
  const text = readIfThere(path);
  if (text === undefined) throw new UsageError(`${path}: there is no such file; correct ca: under regions`);
  authorities(path, text, undefined);
  return text;
}
