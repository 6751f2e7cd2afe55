import { readFileSync } from "node:fs";

/** Whether a private key needs a passphrase. What can't be read, or is none, isn't. */
export function isEncrypted(path: string): boolean {
  let text: string;
  try {
    text = readFileSync(path, "latin1");
  } catch {
    return false;
  }
  const own = /-----BEGIN OPENSSH PRIVATE KEY-----([^-]+)-----END/.exec(text);
  // PROTOCOL.key of OpenSSH: a magic word of 15 bytes, then the cipher's name with its length in four bytes
  if (own) return Buffer.from(own[1]!, "base64").toString("latin1", 19, 23) !== "none";
  return /BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED/.test(text);
}
