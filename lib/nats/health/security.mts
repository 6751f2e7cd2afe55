import { X509Certificate } from "node:crypto";
import { type Check, type Checker, finding, label } from "./check.mts";

const DAY_MS = 86_400_000;
/** As `nats audit` counts: a reminder, and the last moment. */
const WARN_DAYS = 30;
const FAIL_MS = 7 * DAY_MS;

export const tls: Checker = (state, { bounds }) =>
  !state.target.tls
    ? []
    : state.nodes.flatMap(({ node, probe, server }): Check[] => {
        if (!probe.greeting) return [];
        const required = probe.greeting.tls_required === true;
        const untrusted = probe.failure?.fault === "tls" ? probe.failure : undefined;
        const checks = [
          finding("tls.required", "TLS required", label(node), {
            failed: [...(required ? [] : ["clients may connect without TLS"]), ...(untrusted ? [untrusted.what] : [])],
            ok: "required, certificate trusted",
            next: required && untrusted ? untrusted.next : `Give ${node.lane} its tls block: --role cluster-config`,
          }),
        ];
        const until = probe.certNotAfter ?? server?.certNotAfter;
        if (until === undefined) return checks;
        return [
          ...checks,
          finding("tls.expiry", "certificate's life", label(node), {
            ...life("the certificate", until, state.at, bounds?.certificate),
            next: "Renew the certificate and reload the server: rotate.mts --certificates (your own ones: replace the files, then site.mts)",
          }),
        ];
      });

/** The CAs that nodes and clients trust: when one ends, all that it has signed end with it. */
export const authorities: Checker = (state, { bounds }) => {
  if (!state.nodes.some((n) => n.probe.greeting)) return []; // nobody is there to trust it
  const pems = state.target.tls?.ca.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return pems.map((pem) => {
    const { subject, validTo } = new X509Certificate(pem);
    return finding("tls.ca", "CA's life", subject.replaceAll("\n", ", ").replace(/^CN=/, ""), {
      ...life("the CA", Date.parse(validTo), state.at, bounds?.certificate),
      next: "Begin now, as clients have to get the new one too: rotate.mts --ca (docs/rotation.md)",
    });
  });
};

function life(what: string, until: number, now: number, least = FAIL_MS): { failed: string[]; warning: string[]; ok: string } {
  const days = Math.floor((until - now) / DAY_MS);
  const when = `${what} ${days < 0 ? "has expired" : `expires in ${days} day${days === 1 ? "" : "s"}`} (${new Date(until).toISOString().slice(0, 10)})`;
  return { failed: until - now < least ? [when] : [], warning: days < WARN_DAYS ? [when] : [], ok: when };
}

/** Only when an anonymous client was tried. */
export const auth: Checker = (state) =>
  state.nodes.flatMap(({ node, probe }): Check[] =>
    probe.anonymous === undefined
      ? []
      : [
          finding("auth.required", "authentication required", label(node), {
            failed: probe.anonymous ? ["a client without credentials is let in"] : [],
            ok: "an anonymous client is refused",
            next: `Remove no_auth_user and any authorization block beside accounts from nats-server.conf on ${node.lane}: --role cluster-config`,
          }),
        ],
  );
