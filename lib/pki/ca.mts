import { generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { UsageError } from "../inventory/types.mts";
import { Secret } from "../secret.mts";
import { BACKDATED_MS } from "./backdate.mts";
import { createFile, readIfThere, readPrivate, replaceFile } from "./files.mts";
import { type Names, namesIn, namesOf, type PkiHost, sameNames } from "./names.mts";
import { authorities, parseKey } from "./region-ca.mts";
import { renewBefore } from "./renewal.mts";

export type { PkiHost } from "./names.mts";

export interface Pki {
  /** PEM: what nodes and clients trust */
  ca: string;
  /** by inventory name; both PEM */
  hosts: Map<string, { cert: string; key: Secret }>;
  /** one line per file that was issued (or would be), with the reason */
  changed: string[];
  /** one line each: what runs out soon */
  warnings: string[];
}

const DAY_MS = 86_400_000;
const CA_DAYS = 3650;
const HOST_DAYS = 365;
/** `nats audit` warns at 30 days too */
const RENEW_MS = 30 * DAY_MS;

export interface PkiOptions {
  /** writes nothing; what is missing is made up in memory, good for this run only */
  dryRun?: boolean;
  /** files of the folder as they would be, by name: for a look ahead, with dryRun */
  instead?: ReadonlyMap<string, string>;
}

/** Whether anything has been issued for a region yet. */
export const hasPki = (inventoryDir: string): boolean => existsSync(join(inventoryDir, "pki"));

/**
 * The region's CA and one certificate per host, kept in `<inventory>/pki` and issued where missing, running out within 30 days, with
 * other names than the host has now, signed by another CA, or older than a renewal that was asked for (renewal.mts). A run with nothing to issue writes nothing and yields the same bytes.
 * A host keeps its key over renewals (remove `<host>.key` for a new one). Runs at the same time are safe: the first file wins.
 * ca.key may be kept elsewhere while nothing has to be issued. While the CA is being replaced, ca.crt holds two (rotation.mts).
 *
 * @throws UsageError when a file is damaged or readable by others, or when ca.key is missing and needed
 */
export async function ensurePki(inventoryDir: string, hosts: readonly PkiHost[], { dryRun = false, instead = new Map() }: PkiOptions = {}): Promise<Pki> {
  const folder = join(inventoryDir, "pki");
  const clash = hosts.find((h) => h.name === "ca" || !/^[^/\0]+$/.test(h.name));
  if (clash)
    throw new UsageError(`${inventoryDir}: a host can't be called ${JSON.stringify(clash.name)}, its certificate is kept under that name; choose another`);
  const pki: Pki = { ca: "", hosts: new Map(), changed: [], warnings: [] };

  const ca = await openCa(folder, basename(inventoryDir), dryRun, instead, pki);
  pki.ca = ca.bundle;
  const caEnds = Date.parse(ca.cert.validTo);
  const renew = renewBefore(folder, instead);
  for (const host of hosts) {
    const path = join(folder, host.name);
    let cert = readIfThere(`${path}.crt`);
    const aged = cert !== undefined && isBefore(cert, renew);
    if (aged) ca.key(); // before a key is replaced for which nothing can be signed
    const keyPem = aged ? newKey(`${path}.key`, dryRun) : openKey(`${path}.key`, dryRun);
    const key = parseKey(`${path}.key`, keyPem);
    const names = namesOf(host);
    const reason = aged ? "renewal asked for" : whyIssue(cert, ca.cert, key, names);
    if (reason) {
      const { issue } = await import("./issue.mts");
      const notAfter = new Date(Math.min(Date.now() + HOST_DAYS * DAY_MS, caEnds));
      const issued = await issue({ cert: ca.pem, key: ca.key() }, { subject: host.serverName, key, names, notAfter });
      pki.changed.push(`${host.name}.crt: ${reason}`);
      if (dryRun) cert = issued;
      else if (cert === undefined) cert = createFile(`${path}.crt`, issued, 0o644);
      else replaceFile(`${path}.crt`, (cert = issued), 0o644);
    }
    pki.hosts.set(host.name, { cert: cert!, key: new Secret(keyPem) });
  }
  return pki;
}

/** The region's CA, made when there is none. Key first, certificate second: a crash in between leaves what the next run goes on from. */
async function openCa(
  folder: string,
  region: string,
  dryRun: boolean,
  instead: ReadonlyMap<string, string>,
  pki: Pki,
): Promise<{ bundle: string; pem: string; cert: X509Certificate; key: () => KeyObject }> {
  const path = join(folder, "ca");
  let bundle = instead.get("ca.crt") ?? readIfThere(`${path}.crt`);
  let keyPem = instead.get("ca.key") ?? readPrivate(`${path}.key`);
  if (bundle === undefined) {
    if (!dryRun) mkdirSync(folder, { recursive: true, mode: 0o700 });
    keyPem ??= openKey(`${path}.key`, dryRun);
    const { selfSign } = await import("./issue.mts");
    bundle = await selfSign(`sampan ${region} CA`, parseKey(`${path}.key`, keyPem), new Date(Date.now() + CA_DAYS * DAY_MS));
    if (!dryRun) bundle = createFile(`${path}.crt`, bundle, 0o644);
    pki.changed.push("ca.crt: new CA of the region");
  }
  const { pem, cert } = authorities(`${path}.crt`, bundle, keyPem).signer;
  const left = Date.parse(cert.validTo) - Date.now();
  if (left <= 0) throw new UsageError(`${path}.crt: the region's CA expired on ${day(cert)}; move ${folder} aside and run again to make a new one`);
  if (left < RENEW_MS) pki.warnings.push(`${path}.crt: the region's CA expires on ${day(cert)}; replace it while it lasts: rotate.mts --ca`);
  const key = (): KeyObject => {
    if (keyPem === undefined)
      throw new UsageError(`${path}.key: is missing, and certificates have to be issued; put it back (or move ${folder} aside to make a new CA)`);
    const parsed = parseKey(`${path}.key`, keyPem);
    if (!cert.checkPrivateKey(parsed)) throw new UsageError(`${path}.key: isn't the key of ca.crt beside it; put the right one back`);
    return parsed;
  };
  return { bundle, pem, cert, key };
}

function openKey(path: string, dryRun: boolean): string {
  const there = readPrivate(path);
  if (there !== undefined) return there;
  const made = makeKey();
  return dryRun ? made : createFile(path, made, 0o600);
}

/** In place of the one that is there: a certificate that is renewed on demand gets a new key, as the old one may be the reason. */
function newKey(path: string, dryRun: boolean): string {
  const made = makeKey();
  if (!dryRun) replaceFile(path, made, 0o600);
  return made;
}

export const makeKey = (): string => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }) as string;

/** Issued before a moment? In whole seconds, as certificates have them. */
function isBefore(pem: string, moment: number | undefined): boolean {
  if (moment === undefined) return false;
  try {
    return Date.parse(new X509Certificate(pem).validFrom) + BACKDATED_MS < Math.floor(moment / 1000) * 1000;
  } catch {
    return false; // damaged: whyIssue says so
  }
}

function whyIssue(pem: string | undefined, ca: X509Certificate, key: KeyObject, names: Names): string | undefined {
  if (pem === undefined) return "missing";
  let cert: X509Certificate;
  try {
    cert = new X509Certificate(pem);
  } catch {
    return "damaged";
  }
  if (!cert.checkIssued(ca) || !cert.verify(ca.publicKey)) return "signed by another CA";
  if (!cert.checkPrivateKey(key)) return "made for another key";
  if (!sameNames(namesIn(cert), names)) return "names of the host changed";
  const ends = Date.parse(cert.validTo);
  // One that ends with its CA can't be made to last longer.
  if (ends - Date.now() < RENEW_MS && ends < Date.parse(ca.validTo)) return `expires on ${day(cert)}`;
  return undefined;
}

/** The day on which a certificate ends, as 2026-11-22. */
export const day = (cert: X509Certificate): string => new Date(cert.validTo).toISOString().slice(0, 10);
