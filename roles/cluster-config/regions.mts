import { createHash } from "node:crypto";
import { publicKey } from "../../lib/pki/secrets.mts";
import { Secret } from "../../lib/secret.mts";
import { render, type View } from "../../lib/template.mts";
import type { StreamSpec } from "../jetstream-setup/stream.mts";
import type { Vars } from "../schema.mts";
import type { Region } from "./region-fields.mts";

/** Beside nats-server.conf, which includes it: it holds seeds. */
export const REGIONS_CONF = "/etc/nats/regions.conf";
export const REGIONS_CA = "/etc/nats/tls/regions.crt";

/**
 * How regions are linked. Each keeps its JetStream, its system account and its subjects to itself; nothing is shared. A region that
 * copies a stream connects as a leafnode into an account of the other region that is there for it alone, and in which nothing is but
 * what copying takes: a consumer of that stream, its flow control, and the messages it delivers.
 *
 * Servers don't ask whether who makes a consumer may publish where that delivers (nats-server #8274). So a region that makes its consumers
 * itself has to be trusted with the consumers of the account; one for which a consumer is declared here (2.14.4) can only begin that one again.
 *
 * Not by gateways: servers that share the name of their system account have one JetStream meta group across them, and two clusters
 * that have streams already would each take the other's for orphans (docs/regions.md).
 */
export const linkAccount = (region: string): string => `REGION-${region}`;
/** The JetStream API of a region, as those see it that may copy from it. */
export const apiOf = (origin: string): string => `REGION.${origin}.API`;
/** Where a region delivers to one that copies from it. */
export const deliverTo = (origin: string, copier: string): string => `REGION.${origin}.to.${copier}`;

export const letsIn = (vars: Pick<Vars, "regions">): Region[] => vars.regions.filter((r) => r.streams?.length);
export const goesTo = (vars: Pick<Vars, "regions">): Region[] => vars.regions.filter((r) => r.addresses?.length);
export const streamsAccount = (vars: Pick<Vars, "users">): string => vars.users.find((u) => u.account !== "SYS")!.account;

/** Consumers of a stream that are declared for a region's copy: what they deliver reaches nobody else. */
export const madeFor = (vars: Pick<Vars, "streams">, own: string, region: string, stream: string): StreamSpec["consumers"] =>
  (vars.streams.find((s) => s.name === stream)?.consumers ?? []).filter((c) => c.deliver_subject?.startsWith(`${deliverTo(own, region)}.`));

/** What a region may ask of the JetStream API, and the subjects of its flow control. Its own consumers end by themselves, ten seconds after it has gone. */
function rights({ name, streams = [] }: Region, vars: Pick<Vars, "streams">, own: string): { requests: string[]; flow: string[] } {
  const each = streams.map((stream) => {
    const made = madeFor(vars, own, name, stream).map((c) => `${stream}.${c.durable_name}`);
    return made.length
      ? { requests: made.map((c) => `CONSUMER.RESET.${c}`), flow: made.map((c) => `$JS.FC.${c}.>`) }
      : { requests: [`CONSUMER.CREATE.${stream}`, `CONSUMER.CREATE.${stream}.>`], flow: [`$JS.FC.${stream}.>`] };
  });
  return { requests: each.flatMap((r) => r.requests), flow: each.flatMap((r) => r.flow) };
}

/** The accounts with what other regions may reach: exports of the streams' account, and an account for each region that is let in. */
export function withRegions(accounts: readonly View[], vars: Vars, own: string): View[] {
  const from = streamsAccount(vars);
  const exports = letsIn(vars).length ? [`exports: ${JSON.stringify(exported(vars, own))}`] : [];
  return [
    ...accounts.map((account) => ({ ...account, lines: account["name"] === from ? exports : [] })),
    ...letsIn(vars).map((region) => ({
      name: linkAccount(region.name),
      jetstream: false,
      partitioned: false,
      mappings: [],
      lines: [`imports: ${JSON.stringify(imported(region, vars, own))}`],
      users: [
        {
          user: "",
          nkey: publicKey(region.nkey_seed, `the nkey_seed of region ${region.name}`),
          bcrypt: "",
          permissions: JSON.stringify(permitted(region, vars, own)),
        },
      ],
    })),
  ];
}

function exported(vars: Vars, own: string): object[] {
  const services = new Map<string, string[]>();
  for (const region of letsIn(vars)) {
    const { requests, flow } = rights(region, vars, own);
    for (const subject of [...requests.map((r) => `$JS.API.${r}`), ...flow])
      services.set(subject, [...(services.get(subject) ?? []), linkAccount(region.name)]);
  }
  return [
    ...[...services].map(([service, accounts]) => ({ service, accounts })),
    ...letsIn(vars).map((r) => ({ stream: `${deliverTo(own, r.name)}.>`, accounts: [linkAccount(r.name)] })),
  ];
}

function imported(region: Region, vars: Vars, own: string): object[] {
  const account = streamsAccount(vars);
  const { requests, flow } = rights(region, vars, own);
  return [
    ...requests.map((r) => ({ service: { account, subject: `$JS.API.${r}` }, to: `${apiOf(own)}.${r}` })),
    ...flow.map((subject) => ({ service: { account, subject } })),
    { stream: { account, subject: `${deliverTo(own, region.name)}.>` } },
  ];
}

function permitted(region: Region, vars: Vars, own: string): object {
  const { requests, flow } = rights(region, vars, own);
  return {
    publish: { allow: [...requests.map((r) => `${apiOf(own)}.${r}`), ...flow] },
    // answers go to inboxes of the servers themselves
    subscribe: { allow: [`${deliverTo(own, region.name)}.>`, "$JSC.R.>", "_R_.>", "_GR_.>"] },
  };
}

/** The leafnodes block; undefined where there is no other region. */
export function regionsConf(vars: Vars, listen: string): Secret | undefined {
  if (!linked(vars)) return undefined;
  return new Secret(
    render(new URL("templates/regions.conf.mustache", import.meta.url), {
      listen: letsIn(vars).length ? listen : "",
      ca: REGIONS_CA,
      remotes: goesTo(vars).map(({ name, addresses, port, nkey_seed }) => ({
        name,
        account: streamsAccount(vars),
        seed: nkey_seed.reveal(),
        urls: addresses!.map((a) => JSON.stringify(`tls://${a.includes(":") ? `[${a.replace("%", "%25")}]` : a}:${port}`)).join(", "),
      })),
    }),
  );
}

export const linked = (vars: Pick<Vars, "regions">): boolean => letsIn(vars).length + goesTo(vars).length > 0;

/** Stands for all of it in restart-only: leafnodes aren't reloaded by all versions. */
export const regionsSum = (conf: Secret, ca: string): string => createHash("sha256").update(conf.reveal()).update(ca).digest("hex");
