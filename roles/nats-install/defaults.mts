import * as v from "valibot";
import { file, key, leaf, oneOf, text, yesNo } from "../../lib/inventory/fields.mts";

const version = () =>
  leaf({
    what: "a version",
    write: "write all three numbers, for example 2.15.1",
    read: (x) => (typeof x === "string" && /^v?\d+\.\d+\.\d+(-[\w.]+)?$/.test(x) ? x.replace(/^v/, "") : undefined),
  });
const sha256 = () => text("a SHA-256 checksum", "write its 64 hexadecimal digits, in quotes", /^[0-9a-f]{64}$/i);

/** `{ github }`, `{ url, sha256 }` or `{ file, sha256? }`; {version} and {arch} in url and file stand for the host's. */
export type NatsSource = { github: true } | { url: string; sha256: string } | { file: string; sha256?: string };

const source = v.pipe(
  v.strictObject({
    github: key(
      v.optional(leaf<true>({ what: "true", write: "write github: true, or name a url or a file", read: (x) => (x === true ? x : undefined) })),
      "the official release archive of github.com/nats-io/nats-server, checked against its SHA256SUMS",
    ),
    url: key(
      v.optional(text("a URL", "write https://…", /^https?:\/\/[^\s]+$/)),
      "an archive or binary on your own server, with `sha256`; `{version}` and `{arch}` are filled in",
    ),
    file: key(v.optional(file()), "an archive or binary on this machine; `{version}` and `{arch}` are filled in"),
    sha256: key(v.optional(sha256()), "checksum of the `url` (required) or `file`"),
  }),
  v.rawTransform<{ github?: true; url?: string; file?: string; sha256?: string }, NatsSource>(({ dataset: { value }, addIssue, NEVER }) => {
    const { github, url, file, sha256 } = value;
    if ([github, url, file].filter(Boolean).length === 1) {
      if (github && !sha256) return { github };
      if (url && sha256) return { url, sha256 };
      if (file) return { file, ...(sha256 && { sha256 }) };
    }
    addIssue({
      message:
        github && sha256
          ? "sha256 goes with url or file; remove it, the release has its own SHA256SUMS"
          : url && !file && !github
            ? "url has no sha256; add the checksum of the file it names"
            : "names not exactly one source; write one of github: true, url with sha256, or file",
    });
    return NEVER;
  }),
);

export const defaults = {
  nats_version: key(v.optional(version(), "2.15.1"), "version of nats-server; 2.10.27 to 2.15.x", {
    source: "https://github.com/nats-io/nats-server/releases",
  }),
  nats_source: key(v.optional(source, { github: true }), "where the server comes from"),
  nats_fetch: key(v.optional(oneOf("controller", "host"), "controller"), "who downloads: this machine, once, and pushes it; or each host itself"),
  allow_unsupported_downgrade: key(v.optional(yesNo(), false), "put an older version on a store that it can't read: its streams may be lost"),
  allow_skipped_minors: key(
    v.optional(yesNo(), false),
    "go up over several minor releases at once, which nats-server's upgrade path doesn't: rehearse it in the lab first",
  ),
  allow_vulnerable_version: key(v.optional(yesNo(), false), "allow a version older than 2.10.27 (CVE-2025-30215), down to 2.9.10"),
};
