import type { Check, CheckContext } from "../../lib/inventory/load.mts";
import type { Host } from "../../lib/inventory/types.mts";
import { bytes } from "../../lib/inventory/units.mts";
import { subjectsOverlap } from "../cluster-config/subject.mts";
import { oldestVersion } from "../nats-install/version.mts";
import type { Vars } from "../schema.mts";
import { checkConsumer, checkWorkQueue } from "./consumer-checks.mts";
import { checkPartitions } from "./partition-checks.mts";
import { checkRegions } from "./regions.mts";
import { tooNew } from "./since.mts";
import type { StreamSpec } from "./stream.mts";
import { checkStream } from "./stream-checks.mts";

/** Says that something at a path below `streams` is wrong. */
export type Say = (path: (string | number)[], text: string) => void;

/** Streams belong to the cluster: all hosts must tell the same. The first one's are then looked at. */
const streams: Check<Vars> = (context) => {
  const {
    hosts: [first, ...others],
    error,
  } = context;
  if (!first) return;
  for (const host of others)
    if (JSON.stringify(host.vars.streams) !== JSON.stringify(first.vars.streams))
      error(host, ["streams"], `streams of ${host.name} differ from ${first.name}'s; set them for all hosts in one place`);
  const say: Say = (path, text) => context.error(first, ["streams", ...path], text);
  const warn: Say = (path, text) => context.warn(first, ["streams", ...path], text);
  const version = oldestVersion(context.hosts.map((host) => host.vars.nats_version));
  first.vars.streams.forEach((stream, i) => {
    checkStream(stream, i, say, warn);
    stream.consumers.forEach((consumer, j) => checkConsumer(stream, consumer, [i, "consumers", j], say, warn));
    checkWorkQueue(stream, i, say);
    for (const { path, text } of tooNew(stream, version)) say([i, ...path], text);
    enoughNodes(context, stream, i, say);
  });
  distinct(first.vars.streams, say);
  checkRegions(first.vars, context.region, say);
  checkPartitions(first.vars.streams, say, warn);
};

function distinct(all: readonly StreamSpec[], say: Say): void {
  all.forEach((stream, i) => {
    const twin = all.findIndex((other) => other.name === stream.name);
    if (twin < i) {
      say([i, "name"], `stream "${stream.name}" is there twice; merge them`);
      return;
    }
    (stream.subjects ?? []).forEach((subject, k) => {
      for (const other of all.slice(0, i)) {
        const clash = other.subjects?.find((theirs) => subjectsOverlap(subject, theirs));
        if (clash !== undefined)
          say(
            [i, "subjects", k],
            `subject "${subject}" of stream ${stream.name} overlaps "${clash}" of stream ${other.name}; a message may go to one stream only, narrow one of them`,
          );
      }
    });
  });
}

/** Replicas need servers with JetStream that satisfy the placement and have the room that `max_bytes` reserves. */
function enoughNodes({ hosts, complete }: CheckContext<Vars>, stream: StreamSpec, i: number, say: Say): void {
  if (!complete) return;
  const { num_replicas: replicas, placement } = stream;
  const nodes = hosts.filter((host) => host.vars.jetstream.enabled);
  if (nodes.length < replicas) {
    say([i, "num_replicas"], `stream ${stream.name} wants ${replicas} replicas and ${count(nodes)} JetStream; lower num_replicas or add hosts`);
    return;
  }
  const cluster = hosts[0]!.vars.cluster.name;
  if (placement?.cluster !== undefined && placement.cluster !== cluster) {
    say([i, "placement", "cluster"], `placement.cluster "${placement.cluster}" of stream ${stream.name} is not this cluster; write "${cluster}" or remove it`);
    return;
  }
  const tagged = nodes.filter((host) => (placement?.tags ?? []).every((tag) => host.vars.server_tags.includes(tag)));
  if (tagged.length < replicas) {
    say(
      [i, "placement", "tags"],
      `stream ${stream.name} wants ${replicas} replicas and ${count(tagged)} all of its placement.tags; change them, or the hosts' server_tags`,
    );
    return;
  }
  if (stream.storage !== "file" || stream.max_bytes === undefined || stream.max_bytes < 0) return;
  const { partitions = 1 } = stream;
  // At least one of the hosts holds so many of its partitions.
  const held = Math.ceil((partitions * replicas) / tagged.length);
  const roomy = tagged.filter((host) => bytes(host.vars.jetstream.max_file) >= stream.max_bytes! * held);
  if (roomy.length < replicas)
    say(
      [i, "max_bytes"],
      `stream ${stream.name} reserves more than jetstream.max_file (${tagged[0]!.vars.jetstream.max_file})${held > 1 ? `, with ${held} partitions on a host, each of max_bytes` : ""}; lower max_bytes or raise max_file`,
    );
}

const count = (hosts: readonly Host[]): string => (hosts.length === 0 ? "no host has" : hosts.length === 1 ? "1 host has" : `only ${hosts.length} hosts have`);

export const checks = [streams];
