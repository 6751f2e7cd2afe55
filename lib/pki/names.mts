import type { X509Certificate } from "node:crypto";
import { isIP, SocketAddress } from "node:net";
import { domainToASCII } from "node:url";
import { UsageError } from "../inventory/types.mts";

export interface PkiHost {
  /** inventory name: also the name of the host's files */
  name: string;
  serverName: string;
  /** IP address or DNS name under which clients and the other nodes reach it */
  address: string;
}

/** Subject alternative names, sorted, without doubles. */
export interface Names {
  dns: string[];
  ip: string[];
}

/** What a host's certificate has to cover; the loopback names serve checks made on the host itself. */
export function namesOf(host: PkiHost): Names {
  const dns = new Set(["localhost"]);
  const ip = new Set(["127.0.0.1", "::1"]);
  for (const name of [host.serverName, host.name, host.address]) {
    if (isIP(name)) ip.add(canonicalIp(name));
    else if (isDnsName(domainToASCII(name))) dns.add(domainToASCII(name));
    else if (name === host.address) throw new UsageError(`${host.name}: address ${JSON.stringify(name)} is neither an IP address nor a DNS name; correct it`);
  }
  return { dns: [...dns].sort(), ip: [...ip].sort() };
}

/** The names in a certificate, in the same form. */
export function namesIn(cert: X509Certificate): Names {
  const entries = (cert.subjectAltName ?? "").split(", ");
  const all = (kind: string): string[] => entries.filter((e) => e.startsWith(kind)).map((e) => e.slice(kind.length));
  return { dns: all("DNS:").sort(), ip: all("IP Address:").map(canonicalIp).sort() };
}

export const sameNames = (a: Names, b: Names): boolean => a.dns.join() === b.dns.join() && a.ip.join() === b.ip.join();

/** node writes 0:0:0:0:0:0:0:1 in certificates, people write ::1; a zone (%eth0) can't stand in a certificate */
function canonicalIp(ip: string): string {
  const plain = ip.replace(/%.*$/, "");
  return isIP(plain) === 6 ? new SocketAddress({ address: plain, family: "ipv6" }).address : plain;
}

/** Underscores are no host names, yet server names have them and TLS libraries match them. */
const isDnsName = (name: string): boolean =>
  name.length <= 253 && /^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$/.test(name);
