import { gunzipSync } from "node:zlib";
import type { NatsConnection } from "nats";
import { Profile } from "pprof-format";

/**
 * What a server spends its CPU on. By the innermost frame that says so: a write to a socket counts as network also when a consumer asked
 * for it. Matched against Go's function names, in this order; the last one takes the rest.
 */
const KINDS = [
  ["garbage collection", /^runtime\.(gc|bgsweep|bgscavenge|scanobject|greyobject|\(\*gcWork\))/],
  ["disk", /^os\.\(\*File\)/],
  ["network", /^net\.\(\*/],
  ["TLS", /^crypto\//],
  ["store", /\.\(\*(fileStore|msgBlock|memStore|consumerFileStore|consumerMemStore)\)/],
  ["raft", /\.\(\*raft\)/],
  ["consumers", /\.\(\*consumer\)/],
  ["streams", /\.\(\*(stream|jetStream)\)/],
  ["protocol and routing", /\.\(\*(client|Sublist|Server)\)/],
] as const;

export type CpuKind = (typeof KINDS)[number][0] | "Go's scheduler";

export interface CpuProfile {
  /** ms of CPU sampled; Go takes 100 samples per second of CPU, so a few hundred ms say little */
  ms: number;
  /** ms of CPU by kind */
  kinds: Partial<Record<CpuKind, number>>;
}

/**
 * Has a server profile its own CPU, through the system account: no port is opened, nothing is installed. One profile at a time per server.
 * Source of the request: nats-server's PROFILEZ with `name: "cpu"` (tried with 2.10.27 and 2.15.1).
 * @throws when the server refuses, or doesn't answer within ten seconds after the time is over
 */
export async function profileCpu(sys: NatsConnection, serverId: string, seconds: number): Promise<CpuProfile> {
  const request = JSON.stringify({ name: "cpu", duration: seconds * 1e9 });
  const message = await sys.request(`$SYS.REQ.SERVER.${serverId}.PROFILEZ`, request, { timeout: (seconds + 10) * 1000 });
  const { data, error } = message.json<{ data?: { profile?: string; error?: string }; error?: { description: string } }>();
  if (!data?.profile) throw new Error(`server ${serverId} gave no CPU profile: ${error?.description ?? data?.error ?? "empty answer"}`);
  return sumUp(Profile.decode(gunzipSync(Buffer.from(data.profile, "base64"))));
}

function sumUp(profile: Profile): CpuProfile {
  const names = new Map(profile.function.map((f) => [f.id, profile.stringTable.strings[Number(f.name)]!]));
  const frames = new Map(profile.location.map((l) => [l.id, l.line.map((line) => names.get(line.functionId) ?? "")]));
  const out: CpuProfile = { ms: 0, kinds: {} };
  for (const { locationId, value } of profile.sample) {
    const ms = Number(value[1]) / 1e6; // value[0] counts samples, value[1] is ns
    const kind = kindOf(locationId.flatMap((id) => frames.get(id)!));
    out.ms += ms;
    out.kinds[kind] = (out.kinds[kind] ?? 0) + ms;
  }
  return out;
}

/** @param stack innermost frame first */
export function kindOf(stack: readonly string[]): CpuKind {
  for (const frame of stack) for (const [kind, pattern] of KINDS) if (pattern.test(frame)) return kind;
  return "Go's scheduler";
}

/** Several profiles as one. */
export function together(profiles: readonly CpuProfile[]): CpuProfile {
  const out: CpuProfile = { ms: 0, kinds: {} };
  for (const { ms, kinds } of profiles) {
    out.ms += ms;
    for (const [kind, spent] of Object.entries(kinds) as [CpuKind, number][]) out.kinds[kind] = (out.kinds[kind] ?? 0) + spent;
  }
  return out;
}

/** `network 31 %, TLS 14 %, raft 12 %, …`, the largest first, without what is below one percent */
export const profileText = ({ ms, kinds }: CpuProfile): string =>
  Object.entries(kinds)
    .map(([kind, spent]) => [kind, Math.round((100 * spent) / ms)] as const)
    .sort((a, b) => b[1] - a[1])
    .filter(([, percent]) => percent >= 1)
    .map(([kind, percent]) => `${kind} ${percent} %`)
    .join(", ");
