import type * as v from "valibot";
import { VALUE } from "./fields.mts";
import { type Node, nodeAt, type Origin, originAt, type Path, showPath } from "./node.mts";
import { notAMapping } from "./resolve.mts";
import { inner, keyPaths, schemaAt } from "./schema.mts";
import { didYouMean } from "./suggest.mts";

/** What people write who come from Ansible, the nats CLI or older documentation, and its name here. */
const STRANGERS: Record<string, string> = {
  ansible_host: "address",
  ansible_user: "ssh.user",
  ansible_port: "ssh.port",
  ansible_ssh_private_key_file: "ssh.identity_file",
  ansible_become: "become",
  ansible_become_password: "become_password",
  file_sync: "jetstream.sync_interval",
  sync: "sync_interval",
  http: "http_port",
  monitor_port: "http_port",
  replicas: "num_replicas",
  durable: "durable_name",
  dedup_window: "duplicate_window",
  max_pending: "max_ack_pending",
  filter: "filter_subject",
  nkey: "nkey_seed",
  pass: "password",
  version: "nats_version",
};

export interface Fault {
  at: Origin;
  text: string;
  path: Path;
}

/** One of valibot's issues in our words, with its place. */
export function explain(issue: v.BaseIssue<unknown>, root: Node, schema: unknown): Fault {
  const path: Path = (issue.path ?? []).map((item) => item.key as string | number);
  const here = path.length === 0 ? "" : showPath(path);
  const node = nodeAt(root, path);
  const last = String(path.at(-1));
  if (issue.type === "strict_object" && issue.expected === "never") return { path, at: originAt(root, path, "key"), text: unknownKey(path, last, schema) };
  if (issue.type === "strict_object" && node === undefined) {
    const parent = path.slice(0, -1);
    return { path, at: originAt(root, parent, "key"), text: `${parent.length > 0 ? showPath(parent) : "the host"} has no ${last}; add ${last}:` };
  }
  const at = originAt(root, path);
  if (node?.kind === "scalar" && node.value === null) return { path, at, text: `${here} has no value; write one, or remove the line` };
  const value =
    node?.kind === "scalar" ? (typeof node.value === "string" ? shorten(node.source) : node.source) : node?.kind === "list" ? "a list" : "a mapping";
  if (issue.kind === "schema" && (issue.type === "strict_object" || issue.type === "record")) return { path, at, text: notAMapping(path, value) };
  if (issue.kind === "schema" && issue.type === "array")
    return { path, at, text: `${here}: ${value} is not a list; write each item on its own line after "- "` };
  return { path, at, text: `${here}: ${issue.message.replace(VALUE, () => value)}` };
}

const shorten = (source: string): string => JSON.stringify(source.length > 60 ? `${source.slice(0, 57)}…` : source);

function unknownKey(path: Path, key: string, schema: unknown): string {
  const parent = path.slice(0, -1);
  const where = parent.length > 0 ? ` in ${showPath(parent)}` : "";
  const siblings = Object.keys(schemaAt(schema, parent)?.entries ?? {});
  const stranger = STRANGERS[key]?.split(".") ?? [];
  if (siblings.includes(stranger.at(-1)!)) return `unknown key "${key}"${where}; here it is called "${stranger.at(-1)}"`;
  if (parent.length === 0 && stranger.length > 1) return `unknown key "${key}"; here it is called "${stranger.join(".")}"`;
  const elsewhere = [...keyPaths(inner(schema))].filter((dotted) => dotted.split(".").at(-1) === key);
  const guess = didYouMean(key, siblings, "the keys here are");
  if (!guess.startsWith("did you mean") && elsewhere.length === 1) return `unknown key "${key}"${where}; did you mean "${elsewhere[0]}"?`;
  return `unknown key "${key}"${where}; ${guess}`;
}
