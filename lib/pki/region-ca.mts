import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { UsageError } from "../inventory/types.mts";

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g;

/** The CAs in ca.crt: what nodes and clients trust. While a CA is being replaced there are two, and one of them signs. */
export interface Authorities {
  all: readonly { pem: string; cert: X509Certificate }[];
  /** the one whose key is ca.key; the first, where that key is kept elsewhere */
  signer: { pem: string; cert: X509Certificate };
}

/** @throws UsageError when the text holds no certificate, or a damaged one */
export function authorities(path: string, text: string, keyPem: string | undefined): Authorities {
  const all = (text.match(PEM) ?? []).map((pem) => ({ pem, cert: parseCert(path, pem) }));
  if (!all.length) throw new UsageError(`${path}: isn't a certificate in PEM; put the right one back`);
  return { all, signer: all.find(({ cert }) => keyPem !== undefined && fits(cert, keyPem)) ?? all[0]! };
}

function fits(cert: X509Certificate, keyPem: string): boolean {
  try {
    return cert.checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    return false; // told when something has to be signed with it
  }
}

function parseCert(path: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new UsageError(`${path}: isn't a certificate in PEM; put the right one back`);
  }
}

/** @throws UsageError for anything but what sampan makes: an unencrypted P-256 key */
export function parseKey(path: string, pem: string): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = createPrivateKey(pem);
  } catch {
    /* said below */
  }
  if (key?.asymmetricKeyDetails?.namedCurve !== "prime256v1")
    throw new UsageError(`${path}: isn't an unencrypted P-256 private key in PEM; put the right one back, or remove it to have a new one made`);
  return key;
}
