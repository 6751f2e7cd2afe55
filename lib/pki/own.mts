import { createPrivateKey, X509Certificate } from "node:crypto";
import { statSync } from "node:fs";
import { isIP } from "node:net";
import { homedir } from "node:os";
import { resolve } from "node:path";
import { UsageError } from "../inventory/types.mts";
import { Secret } from "../secret.mts";
import { day, type Pki } from "./ca.mts";
import { readIfThere } from "./files.mts";
import { namesIn, type PkiHost } from "./names.mts";

/** Paths of PEM files, relative ones from the inventory's folder; `{host}` stands for the host's name. */
export interface TlsFiles {
  /** one or more CA certificates */
  ca: string;
  /** the host's certificate, intermediates after it */
  cert: string;
  key: string;
}

const WARN_MS = 30 * 86_400_000;
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * The user's own certificates in the place of sampan's: read and checked, in the form of ensurePki. Its `ca` holds the CAs of all hosts,
 * for each node has to trust all the others.
 * @throws UsageError with every fault of every host, one line each
 */
export function ownCertificates(inventoryDir: string, hosts: readonly (PkiHost & { tls: TlsFiles })[]): Pki {
  const pki: Pki = { ca: "", hosts: new Map(), changed: [], warnings: [] };
  const cas = new Set<string>();
  const faults = new Set<string>();
  for (const host of hosts) {
    const pathOf = (path: string): string => resolve(inventoryDir, path.replaceAll("{host}", host.name).replace(/^~(?=\/)/, homedir()));
    const at = { ca: pathOf(host.tls.ca), cert: pathOf(host.tls.cert), key: pathOf(host.tls.key) };
    try {
      const found = check(
        host,
        at,
        (line) => faults.add(line),
        (line) => pki.warnings.includes(line) || pki.warnings.push(line),
      );
      found.cas.forEach((pem) => cas.add(pem));
      pki.hosts.set(host.name, { cert: found.cert, key: new Secret(found.key) });
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      error.lines.forEach((line) => faults.add(line));
    }
  }
  if (faults.size) throw new UsageError([...faults]);
  pki.ca = [...cas].map((pem) => `${pem}\n`).join("");
  return pki;
}

function check(host: PkiHost, at: TlsFiles, fault: (line: string) => void, warn: (line: string) => void): { cas: string[]; cert: string; key: string } {
  const text = { ca: must(at.ca), cert: must(at.cert), key: must(at.key) };
  const cas = certificates(at.ca, text.ca);
  const chain = certificates(at.cert, text.cert);
  const leaf = chain[0]!;
  if (statSync(at.key).mode & 0o007) warn(`${at.key}: everybody on this machine may read it; run: chmod 600 ${at.key}`);

  const key = parseKey(at.key, text.key);
  if (!leaf.checkPrivateKey(key)) fault(`${at.key}: isn't the key of ${at.cert}; give the key that the certificate was requested with`);
  const root = rootOf(leaf, chain.slice(1), cas);
  if (!root)
    fault(`${at.cert}: doesn't lead to ${at.ca} (issued by ${oneLine(leaf.issuer)}); add the missing intermediates to the certificate, or give its CA`);
  for (const [path, cert] of [...chain.map((c) => [at.cert, c] as const), ...(root ? [[at.ca, root] as const] : [])]) {
    const ends = Date.parse(cert.validTo);
    if (ends <= Date.now()) fault(`${path}: ${oneLine(cert.subject)} expired on ${day(cert)}; renew it`);
    else if (ends - Date.now() < WARN_MS) warn(`${path}: ${oneLine(cert.subject)} expires on ${day(cert)}; renew it`);
    if (Date.parse(cert.validFrom) > Date.now())
      fault(`${path}: ${oneLine(cert.subject)} isn't valid before ${cert.validFrom}; wait, or set this machine's clock`);
  }
  if (!covers(leaf, host.address))
    fault(`${at.cert}: isn't for ${host.name}'s address ${host.address} (it is for ${namesText(leaf)}); have the address added as a subject alternative name`);
  // node says keyUsage for the extended ones; without any, all uses are allowed
  const uses = leaf.keyUsage as string[] | undefined;
  if (uses && !uses.includes(SERVER_AUTH)) fault(`${at.cert}: isn't allowed as a server's (no serverAuth); have it issued with serverAuth and clientAuth`);
  if (uses && !uses.includes(CLIENT_AUTH))
    fault(`${at.cert}: isn't allowed as a client's (no clientAuth), and nodes are each other's clients; have it issued with serverAuth and clientAuth`);
  return { cas: text.ca.match(PEM)!, cert: text.cert, key: text.key };
}

/** The CA that a chain of signatures ends at; undefined when it leads nowhere. */
function rootOf(leaf: X509Certificate, intermediates: readonly X509Certificate[], cas: readonly X509Certificate[]): X509Certificate | undefined {
  const signedBy =
    (cert: X509Certificate) =>
    (issuer: X509Certificate): boolean =>
      issuer.ca && cert.checkIssued(issuer) && cert.verify(issuer.publicKey);
  let cert = leaf;
  for (let depth = 0; depth <= intermediates.length; depth++) {
    const root = cas.find(signedBy(cert));
    if (root) return root;
    const next = intermediates.find(signedBy(cert));
    if (!next) return undefined;
    cert = next;
  }
  return undefined;
}

/** As clients check it: Go and OpenSSL alike look at the alternative names only, never at the common name. */
const covers = (leaf: X509Certificate, address: string): boolean =>
  (isIP(address) ? leaf.checkIP(address) : leaf.checkHost(address, { subject: "never" })) !== undefined;

function namesText(leaf: X509Certificate): string {
  const { dns, ip } = namesIn(leaf);
  return [...dns, ...ip].join(", ") || "no name at all";
}

function must(path: string): string {
  const text = readIfThere(path);
  if (text === undefined) throw new UsageError(`${path}: there is no such file; correct the path under tls`);
  return text;
}

function certificates(path: string, text: string): X509Certificate[] {
  try {
    const found = (text.match(PEM) ?? []).map((pem) => new X509Certificate(pem));
    if (found.length) return found;
  } catch {
    /* said below */
  }
  throw new UsageError(`${path}: holds no certificate in PEM (-----BEGIN CERTIFICATE-----); give one`);
}

function parseKey(path: string, text: string): ReturnType<typeof createPrivateKey> {
  if (/ENCRYPTED/.test(text))
    throw new UsageError(`${path}: is encrypted, and nats-server asks for no passphrase; give it decrypted (openssl pkey -in ${path} -out …)`);
  try {
    return createPrivateKey(text);
  } catch {
    throw new UsageError(`${path}: holds no private key in PEM (-----BEGIN PRIVATE KEY-----); give one`);
  }
}

const oneLine = (name: string): string => name.split("\n").join(", ");
