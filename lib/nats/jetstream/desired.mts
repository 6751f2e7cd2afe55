import { UsageError } from "../../inventory/types.mts";
import { durationNs, sizeBytes } from "../../inventory/units.mts";

/** Configuration by nats-server's own JSON field names (StreamConfig, ConsumerConfig); any field of the server's version may stand here. */
export type Config = Record<string, unknown>;

/** A stream as the inventory declares it: durations as Go text or nanoseconds, sizes as text or bytes. */
export interface StreamDeclaration extends Config {
  name: string;
  consumers?: readonly Config[];
}

/** What is asked for, in the API's own units; only declared fields are here. */
export interface DesiredConsumer {
  stream: string;
  name: string;
  config: Config;
}
export interface DesiredStream {
  name: string;
  config: Config;
  consumers: DesiredConsumer[];
}

/** Fields in nanoseconds on the wire, at any depth. */
export const DURATIONS = new Set([
  "max_age",
  "duplicate_window",
  "subject_delete_marker_ttl",
  "inactive_threshold",
  "ack_wait",
  "backoff",
  "max_expires",
  "idle_heartbeat",
  "priority_timeout",
]);
const SIZES = new Set(["max_bytes", "max_msg_size"]);
/** Where 0 is how people, and -1 how the server writes "no limit". */
const UNLIMITED = new Set(["max_consumers", "max_msgs", "max_bytes", "max_msgs_per_subject", "max_msg_size"]);

/** @throws UsageError with a line per mistake */
export function desiredStreams(declared: readonly StreamDeclaration[]): DesiredStream[] {
  const problems: string[] = [];
  const names = new Set<string>();
  const streams = declared.map(({ consumers = [], ...rest }): DesiredStream => {
    if (names.has(rest.name)) problems.push(`stream ${rest.name} is declared twice; keep one of them`);
    names.add(rest.name);
    const own = new Set<string>();
    return {
      name: rest.name,
      config: mapFields(rest, (field, value) => (UNLIMITED.has(field) && value === 0 ? -1 : convert(`stream ${rest.name}`, field, value, problems))),
      consumers: consumers.map((consumer) => {
        const name = String(consumer.durable_name ?? consumer.name ?? "");
        const asset = `consumer ${rest.name} > ${name}`;
        if (!name) problems.push(`a consumer of stream ${rest.name} has no durable_name; give it one`);
        if (own.has(name)) problems.push(`${asset} is declared twice; keep one of them`);
        own.add(name);
        if (consumer.deliver_group && !consumer.deliver_subject) {
          problems.push(
            `${asset}: deliver_group belongs to push consumers; remove it (the workers of a pull consumer share its durable_name), or set deliver_subject`,
          );
        }
        return { stream: rest.name, name, config: mapFields(consumer, (field, value) => convert(asset, field, value, problems)) };
      }),
    };
  });
  if (problems.length > 0) throw new UsageError(problems);
  return streams;
}

function convert(asset: string, field: string, value: unknown, problems: string[]): unknown {
  if (Array.isArray(value)) return value.map((v) => convert(asset, field, v, problems));
  if (value !== null && typeof value === "object") return mapFields(value as Config, (f, v) => convert(asset, f, v, problems));
  if (typeof value !== "string") return value;
  const read = DURATIONS.has(field) ? durationNs : SIZES.has(field) ? sizeBytes : undefined;
  if (!read) return value;
  const number = read(value);
  if (number === undefined)
    problems.push(`${asset}: ${field}: ${value} is no ${DURATIONS.has(field) ? "duration; write for example 2m" : "size; write for example 1GB"}`);
  return number;
}

const mapFields = (config: Config, map: (field: string, value: unknown) => unknown): Config =>
  Object.fromEntries(
    Object.entries(config)
      .filter(([, v]) => v !== undefined)
      .map(([field, value]) => [field, map(field, value)]),
  );
