import type { NatsConnection } from "nats";
import type { Change } from "../../engine/events.mts";
import { JetStreamApiError } from "../errors.mts";
import { consumerInfo, consumerNames, request, streamInfo, streamNames } from "./api.mts";
import { arrow, type FieldChange, fieldChanges, isObject, toChange } from "./compare.mts";
import { type Config, type DesiredConsumer, type DesiredStream, desiredStreams, type StreamDeclaration } from "./desired.mts";
import { immutable } from "./immutable.mts";
import { untilReplicated } from "./replicate.mts";

export type { StreamDeclaration } from "./desired.mts";

/** `scale`: an update that adds or moves replicas, and then waits until all have caught up. `recreate`: nothing is done. */
export type Action = "none" | "create" | "update" | "scale" | "recreate";

export interface Assessment {
  action: Action;
  changes: FieldChange[];
  /** those among the changes that no server makes in place */
  immutable: FieldChange[];
}

/** Said by the asset itself. */
const NAMES = new Set(["name", "durable_name"]);

export type Progress = (text: string) => void;

/** One stream or consumer to bring about. */
export interface Item {
  readonly kind: "stream" | "consumer";
  /** `LOGS`, or `LOGS > pull-worker` */
  readonly asset: string;
  assess(): Promise<Assessment>;
  /** what differs, as the engine's events show it; empty: as declared */
  check(): Promise<Change[]>;
  /**
   * Makes it so. Idempotent, and safe beside another run. @throws NeedsRecreateError before anything is changed; JetStreamApiError
   * with the server's own words; Error when the server took it and kept other values
   */
  apply(progress?: Progress): Promise<void>;
}

/** A declared value that can't be reached in place. Nothing was changed, and nothing is ever deleted for it. */
export class NeedsRecreateError extends Error {
  readonly changes: readonly FieldChange[];
  constructor(kind: string, asset: string, changes: readonly FieldChange[], reason = "") {
    super(
      `${kind} ${asset} needs to be created anew: ${changes.map(arrow).join("; ")}${reason && ` (${reason})`}. ` +
        "Nothing was changed. Back it up and delete it yourself, or declare what it is",
    );
    this.name = "NeedsRecreateError";
    this.changes = changes;
  }
}

/** Each declared stream followed by its consumers, in the order to apply. @throws UsageError */
export function items(nc: NatsConnection, declared: readonly StreamDeclaration[]): Item[] {
  return desiredStreams(declared).flatMap((stream) => [streamItem(nc, stream), ...stream.consumers.map((consumer) => consumerItem(nc, consumer))]);
}

export interface Plan {
  entries: (Assessment & { item: Item })[];
  /** what exists without being declared (`LOGS`, `LOGS > old-worker`): listed, never touched */
  undeclared: string[];
}

/** Compares all that is declared with what is there. Changes nothing. @throws UsageError, JetStreamApiError */
export async function plan(nc: NatsConnection, declared: readonly StreamDeclaration[]): Promise<Plan> {
  const entries = [];
  for (const item of items(nc, declared)) entries.push({ item, ...(await item.assess()) });
  return { entries, undeclared: await undeclared(nc, declared) };
}

/** Carries a plan out in its order. @throws at the first item that fails; what came before it stays, and running again continues */
export async function apply({ entries }: Plan, progress?: (item: Item, text: string) => void): Promise<void> {
  for (const { item, action } of entries) {
    if (action !== "none") await item.apply(progress && ((text) => progress(item, text)));
  }
}

/** `LOGS`, `LOGS > old-worker`: what exists without being declared. */
export async function undeclared(nc: NatsConnection, declared: readonly StreamDeclaration[]): Promise<string[]> {
  const desired = new Map(desiredStreams(declared).map((s) => [s.name, new Set(s.consumers.map((c) => c.name))]));
  const found: string[] = [];
  for (const stream of (await streamNames(nc)).sort()) {
    const own = desired.get(stream);
    if (!own) found.push(stream);
    else
      found.push(
        ...(await consumerNames(nc, stream))
          .filter((name) => !own.has(name))
          .sort()
          .map((name) => `${stream} > ${name}`),
      );
  }
  return found;
}

function streamItem(nc: NatsConnection, { name, config }: DesiredStream): Item {
  const asset = `stream ${name}`;
  const read = async () => (await streamInfo(nc, name))?.config;
  return item("stream", name, config, read, async (action, actual, progress) => {
    const verb = action === "create" ? "CREATE" : "UPDATE";
    const { config: kept } = await request<{ config: Config }>(nc, asset, `STREAM.${verb}.${name}`, merged(config, actual));
    if (action === "scale") await untilReplicated(nc, name, { progress });
    return kept;
  });
}

function consumerItem(nc: NatsConnection, { stream, name, config }: DesiredConsumer): Item {
  const asset = `consumer ${stream} > ${name}`;
  const read = async () => (await consumerInfo(nc, stream, name))?.config;
  return item("consumer", `${stream} > ${name}`, config, read, async (action, actual) => {
    const body = { stream_name: stream, config: merged(config, actual), action: action === "create" ? "create" : "update" };
    return (await request<{ config: Config }>(nc, asset, `CONSUMER.CREATE.${stream}.${name}`, body)).config;
  });
}

function item(
  kind: Item["kind"],
  asset: string,
  desired: Config,
  read: () => Promise<Config | undefined>,
  write: (action: Action, actual: Config | undefined, progress?: Progress) => Promise<Config>,
): Item {
  const assessment = (actual: Config | undefined): Assessment => {
    if (!actual) return { action: "create", changes: fieldChanges(desired, {}), immutable: [] };
    const changes = fieldChanges(desired, actual);
    const fixed = immutable(kind, changes);
    const copies = changes.some((c) => kind === "stream" && (c.field === "placement" || (c.field === "num_replicas" && Number(c.desired) > Number(c.current))));
    return { action: fixed.length > 0 ? "recreate" : changes.length === 0 ? "none" : copies ? "scale" : "update", changes, immutable: fixed };
  };
  const assess = async () => assessment(await read());
  return {
    kind,
    asset,
    assess,
    async check() {
      const { action, changes } = await assess();
      return [
        ...(action === "create" ? [{ attribute: kind, current: "absent", desired: "present" }] : []),
        ...changes.filter((c) => !NAMES.has(c.field)).map(toChange),
      ];
    },
    async apply(progress) {
      const actual = await read();
      const { action, changes, immutable: fixed } = assessment(actual);
      if (action === "none") return;
      if (action === "recreate") throw new NeedsRecreateError(kind, asset, fixed);
      const kept = await write(action, actual, progress).catch((error: unknown) => {
        throw refusedChange(error, kind, asset, changes);
      });
      const left = fieldChanges(desired, kept);
      if (left.length > 0) {
        throw new Error(
          `${kind} ${asset}: the server took the request and kept other values (${left.map(({ field, current }) => `${field}: ${String(current ?? "unset")}`).join(", ")}). ` +
            "Its version doesn't know the field, or a limit of the account or stream bounds it",
        );
      }
    },
  };
}

/** "… can not change …", "… can not be updated": a rule of this server's version that lib/nats/jetstream/immutable.mts doesn't have. */
function refusedChange(error: unknown, kind: string, asset: string, changes: readonly FieldChange[]): unknown {
  if (!(error instanceof JetStreamApiError) || !/can ?not (be )?(updated?|change|cancel)/i.test(error.description)) return error;
  return new NeedsRecreateError(kind, asset, changes, error.description);
}

/**
 * What to send: UPDATE replaces everything, so what isn't declared, and what is right already, is sent as the server has it (an empty
 * placement instead of none would count as a move). The server's own metadata is left to it.
 */
function merged(desired: Config, actual: Config | undefined): Config {
  if (!actual) return desired;
  const base: Config = { ...actual };
  // Two spellings of one thing: both at once are refused.
  if ("filter_subject" in desired) delete base.filter_subjects;
  if ("filter_subjects" in desired) delete base.filter_subject;
  for (const { field, current, desired: value } of fieldChanges(desired, actual)) {
    base[field] = isObject(value) && isObject(current) ? merged(value, current) : value;
  }
  if (isObject(base.metadata)) base.metadata = Object.fromEntries(Object.entries(base.metadata).filter(([key]) => !key.startsWith("_nats.")));
  return base;
}
