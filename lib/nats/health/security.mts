import { finding, label, type Check, type Checker } from "./check.mts";

const DAY_MS = 86_400_000;
/** As `nats audit` counts: a reminder, and the last moment. */
const WARN_DAYS = 30;
const FAIL_DAYS = 7;

export const tls: Checker = (state) => !state.target.tls ? [] : state.nodes.flatMap(({ node, probe, server }): Check[] => {
  if (!probe.greeting) return [];
  const required = probe.greeting.tls_required === true;
  const untrusted = probe.failure?.fault === "tls" ? probe.failure : undefined;
  const checks = [finding("tls.required", "TLS required", label(node), {
    failed: [...(required ? [] : ["clients may connect without TLS"]), ...(untrusted ? [untrusted.what] : [])],
    ok: "required, certificate trusted", next: required && untrusted ? untrusted.next : `Give ${node.lane} its tls block: --role cluster-config`,
  })];
  const until = probe.certNotAfter ?? server?.certNotAfter;
  if (until === undefined) return checks;
  const days = Math.floor((until - state.at) / DAY_MS);
  const when = `${days < 0 ? "expired" : `expires in ${days} days`} (${new Date(until).toISOString().slice(0, 10)})`;
  return [...checks, finding("tls.expiry", "certificate's life", label(node), {
    failed: days < FAIL_DAYS ? [when] : [], warning: days < WARN_DAYS ? [when] : [], ok: when,
    next: "Renew the certificate and reload the server: --role cluster-config",
  })];
});

/** Only when an anonymous client was tried. */
export const auth: Checker = (state) => state.nodes.flatMap(({ node, probe }): Check[] => probe.anonymous === undefined ? [] : [
  finding("auth.required", "authentication required", label(node), {
    failed: probe.anonymous ? ["a client without credentials is let in"] : [],
    ok: "an anonymous client is refused",
    next: `Remove no_auth_user and any authorization block beside accounts from nats-server.conf on ${node.lane}: --role cluster-config`,
  }),
]);
