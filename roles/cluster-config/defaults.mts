import * as v from "valibot";
import {
  address,
  cpuList,
  directory,
  duration,
  file,
  integer,
  key,
  leaf,
  list,
  oneOf,
  port,
  secret,
  section,
  size,
  text,
  yesNo,
} from "../../lib/inventory/fields.mts";
import { durationNs, sizeBytes } from "../../lib/inventory/units.mts";
import { regionDefaults } from "./region-fields.mts";
import { subject } from "./subject.mts";

const CONFIG = "https://docs.nats.io/running-a-nats-service/configuration";
const CLUSTER = `${CONFIG}/clustering/cluster_config`;
const JETSTREAM = "https://docs.nats.io/reference/config/jetstream";

const name = (what: string) => text(what, "write it without spaces and quotes", /^[\w.@+:-]+$/);
const isText = (x: unknown): x is string => typeof x === "string";

const syncInterval = () =>
  leaf({
    what: "a duration or always",
    write: "write always, or for example 2m",
    read: (x) => (isText(x) && (x === "always" || (durationNs(x) ?? 0) > 0) ? x : undefined),
  });
const memoryLimit = () =>
  leaf({
    what: "a share of the memory or a size",
    write: "write for example 80% or 12GB, or off",
    read: (x) => (isText(x) && (x === "off" || /^([1-9]\d?|100)%$/.test(x) || (sizeBytes(x) ?? 0) > 0) ? x : undefined),
  });

const subjects = () =>
  v.pipe(
    v.union(
      [
        v.pipe(
          subject(),
          v.transform((one) => [one]),
        ),
        list(subject()),
      ],
      '{value} is not a subject or a list of subjects; write for example ["jobs.>"]',
    ),
    v.metadata({ what: "a list of subjects" }),
  );
const permission = () =>
  v.strictObject({
    allow: key(v.optional(subjects()), "subjects allowed; left out, all are"),
    deny: key(v.optional(subjects()), "subjects denied"),
  });

const user = v.strictObject({
  name: key(name("a user's name"), "its name: how a password user logs in, and how sampan speaks of it"),
  account: key(name("an account's name"), "the account it belongs to: SYS is the system account, APP the applications'"),
  nkey_seed: key(
    v.optional(
      secret("an nkey seed of a user", "write ${NAME} and put the seed (SU…) into .env, or leave it out of .env and one is made", /^SU[A-Z2-7]{56}$/, "nkey"),
    ),
    "secret seed of the user's nkey; only its public key goes to the hosts",
  ),
  password: key(
    v.optional(secret("a password of 1 to 72 bytes", "write ${NAME} and put its value into .env", /^[^\0\r\n]{1,72}$/, "password")),
    "instead of a seed; goes to the hosts as a bcrypt hash",
  ),
  permissions: key(
    v.optional(
      v.strictObject({
        publish: key(v.optional(permission()), "what it may publish to"),
        subscribe: key(v.optional(permission()), "what it may subscribe to"),
        allow_responses: key(v.optional(yesNo()), "may answer a request on its reply subject"),
      }),
    ),
    "subjects that the user may use",
    { defaultText: "all of its account", source: `${CONFIG}/securing_nats/authorization` },
  ),
});

export const defaults = {
  server_name: key(name("a server name"), "name of the server, unique in the cluster", { defaultText: "the host's name in the inventory" }),
  host: key(v.optional(address(), "0.0.0.0"), "address on which the server listens for clients and routes"),
  port: key(v.optional(port(), 4222), "port for clients", { source: CONFIG }),
  http_port: key(v.optional(port(), 8222), "port for monitoring; only on 127.0.0.1, as it has no authentication", {
    source: "https://docs.nats.io/running-a-nats-service/nats_admin/monitoring",
  }),
  cluster: key(
    section({
      name: key(
        name("a cluster name"),
        "name of the cluster, the same on all its hosts; a change takes --all-at-once, as servers of different names get no route to each other",
        { defaultText: "nats-cluster-<inventory folder>" },
      ),
      port: key(v.optional(port(), 6222), "port for routes"),
      pool_size: key(
        v.optional(integer(-1, 64), 3),
        "route connections between two servers, the same on all hosts; -1 turns pooling off (2.10). Servers before 2.12 with different sizes get no route to each other: there change it with --all-at-once",
      ),
      compression: key(
        v.optional(oneOf("off", "accept", "s2_auto", "s2_uncompressed", "s2_fast", "s2_better", "s2_best"), "off"),
        "compression of the routes (2.10); worth it between regions",
      ),
    }),
    "routes between the servers; sampan lists all peers on every host",
    { source: CLUSTER },
  ),
  jetstream: key(
    section({
      enabled: key(v.optional(yesNo(), true), "this host stores streams"),
      store_dir: key(v.optional(directory(), "/var/lib/nats/jetstream"), "folder of the store, on a disk of its own at best; never under /tmp"),
      max_mem: key(v.optional(size("1GB"), "1GB"), "memory for streams with memory storage"),
      max_file: key(v.optional(size("10GB"), "10GB"), "disk space for streams with file storage"),
      sync_interval: key(v.optional(syncInterval(), "2m"), "how often written blocks are synced to the disk; `always` before each acknowledgement (2.10)"),
      domain: key(v.optional(text("a domain", "write it without spaces, quotes and dots", /^[\w@+:-]+$/)), "JetStream domain"),
      unique_tag: key(v.optional(name("a tag's prefix")), "replicas go to servers that differ in this tag, for example `az:`"),
    }),
    "JetStream's store",
    { source: JETSTREAM },
  ),
  server_tags: key(v.optional(list(name("a tag")), []), "tags for placement, for example `az:hk-1`"),
  max_payload: key(v.optional(size("1MB"), "1MB"), "largest message", { source: CONFIG }),
  max_connections: key(v.optional(integer(1), 65536), "most client connections"),
  write_deadline: key(v.optional(duration("10s"), "10s"), "a client or route that takes longer to accept data is a slow consumer"),
  ping_interval: key(v.optional(duration("2m"), "2m"), "pings between server and client"),
  ping_max: key(v.optional(integer(1, 100), 2), "unanswered pings until a connection is closed"),
  lame_duck_duration: key(v.optional(duration("30s"), "30s"), "time over which clients are sent away before a stop; nats-server wants at least 30s"),
  lame_duck_grace_period: key(v.optional(duration("10s"), "10s"), "wait before the first client is sent away; below lame_duck_duration"),
  gomemlimit: key(v.optional(memoryLimit(), "80%"), "GOMEMLIMIT of the server: a share of the host's memory, a size, or off", {
    source: "https://pkg.go.dev/runtime#hdr-Environment_Variables",
  }),
  cpus: key(v.optional(cpuList()), "CPUs of the server's unit (AllowedCPUs), matching kernel_args", { defaultText: "all" }),
  tls: key(
    v.optional(
      v.strictObject({
        ca: key(file(), "certificate of the authority, PEM"),
        cert: key(file(), "certificate of this host for clients and routes, PEM; `{host}` stands for the host's name"),
        key: key(file(), "its private key, PEM; `{host}` stands for the host's name"),
      }),
    ),
    "your own certificates, as files of this machine",
    { defaultText: "a region CA that sampan keeps in <inventory>/pki", source: `${CONFIG}/securing_nats/tls` },
  ),
  users: key(list(user), "users and their accounts; unset `nkey_seed` and `password` variables are generated into .env on first use", {
    defaultText: "sys in SYS and app in APP, each by nkey",
    source: `${CONFIG}/securing_nats/accounts`,
  }),
  ...regionDefaults,
};

/** Goes below the inventory's own variables, so that its `${…}` are filled in like theirs. */
export const DEFAULT_USERS = [
  { name: "sys", account: "SYS", nkey_seed: "${NATS_SYS_NKEY_SEED}" },
  { name: "app", account: "APP", nkey_seed: "${NATS_APP_NKEY_SEED}" },
];

export type User = v.InferOutput<typeof user>;
