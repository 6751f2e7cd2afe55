import "reflect-metadata"; // @peculiar/x509 asks for it, first
import { createPublicKey, type KeyObject, randomBytes, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { BACKDATED_MS } from "./backdate.mts";
import type { Names } from "./names.mts";

// Loaded only when something has to be issued: the library takes 100 ms to start.

const CURVE = { name: "ECDSA", namedCurve: "P-256" };
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" };

/** A CA's own certificate. @returns PEM */
export async function selfSign(subject: string, key: KeyObject, notAfter: Date): Promise<string> {
  const publicKey = await importPublic(key);
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: commonName(subject),
    issuer: commonName(subject),
    notBefore: new Date(Date.now() - BACKDATED_MS),
    notAfter,
    publicKey,
    signingKey: await importPrivate(key),
    signingAlgorithm: SIGNATURE,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  return pem(cert);
}

export interface Request {
  subject: string;
  /** the host's key: only its public half goes into the certificate */
  key: KeyObject;
  names: Names;
  notAfter: Date;
}

/** A certificate for a server that is also a client of its peers: routes use mutual TLS. @returns PEM */
export async function issue(ca: { cert: string; key: KeyObject }, request: Request): Promise<string> {
  const issuer = new x509.X509Certificate(ca.cert);
  const publicKey = await importPublic(request.key);
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: commonName(request.subject),
    issuer: issuer.subjectName,
    notBefore: new Date(Date.now() - BACKDATED_MS),
    notAfter: request.notAfter,
    publicKey,
    signingKey: await importPrivate(ca.key),
    signingAlgorithm: SIGNATURE,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([
        ...request.names.dns.map((value) => ({ type: "dns", value }) as const),
        ...request.names.ip.map((value) => ({ type: "ip", value }) as const),
      ]),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return pem(cert);
}

/** RFC 5280 allows a common name 64 characters; what is checked are the alternative names. */
const commonName = (name: string): x509.JsonName => [{ CN: [name.slice(0, 64)] }];

const importPrivate = (key: KeyObject): Promise<webcrypto.CryptoKey> =>
  webcrypto.subtle.importKey("pkcs8", key.export({ type: "pkcs8", format: "der" }), CURVE, false, ["sign"]);

const importPublic = (key: KeyObject): Promise<webcrypto.CryptoKey> =>
  webcrypto.subtle.importKey("spki", createPublicKey(key).export({ type: "spki", format: "der" }), CURVE, true, ["verify"]);

const pem = (cert: x509.X509Certificate): string => `${cert.toString("pem").trim()}\n`;

/** 127 random bits: RFC 5280 wants a positive integer of at most 20 bytes. */
function serial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString("hex");
}
