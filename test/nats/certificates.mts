import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Certificates {
  ca: string;
  cert: string;
  key: string;
  caPem: string;
}

/**
 * A fresh CA in `dir` and one certificate for all `names`, good for `days`. Made by openssl and not by lib/pki, so that these tests
 * show the client's own demands on a certificate.
 */
export function certificates(dir: string, names: readonly string[], days = 365): Certificates {
  const at = mkdtempSync(join(dir, "pki-"));
  const path = (name: string) => join(at, name);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...ec, "-keyout", path("ca.key"), "-out", path("ca.crt"), "-days", "3650", "-subj", "/CN=test CA");
  openssl("req", ...ec, "-keyout", path("node.key"), "-out", path("node.csr"), "-subj", `/CN=${names[0]}`);
  const san = names.map((n) => (/^[\d.]+$/.test(n) ? `IP:${n}` : `DNS:${n}`)).join(",");
  writeFileSync(path("ext"), `subjectAltName=${san}\nextendedKeyUsage=serverAuth,clientAuth\n`);
  openssl(
    "x509",
    "-req",
    "-in",
    path("node.csr"),
    "-CA",
    path("ca.crt"),
    "-CAkey",
    path("ca.key"),
    "-CAcreateserial",
    "-days",
    String(days),
    "-extfile",
    path("ext"),
    "-out",
    path("node.crt"),
  );
  return { ca: path("ca.crt"), cert: path("node.crt"), key: path("node.key"), caPem: readFileSync(path("ca.crt"), "utf8") };
}
