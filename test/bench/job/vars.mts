import * as v from "valibot";
import { address, file, integer, key, scalars, size, text } from "../../../lib/inventory/fields.mts";
import { type LoadedInventory, type LoadOptions, load } from "../../../lib/inventory/load.mts";

/** The job's variables, by the names that Ansible's version of it has. */
const entries = {
  nats_name: key(text(), "name of the server"),
  nats_ip: key(address(), "where its peers reach it, whatever way SSH takes"),
  nats_cluster: key(integer(0), "number of its cluster"),
  nats_cluster_name: key(text(), "name of all clusters, before their number"),
  nats_version: key(text(), "version of the program"),
  nats_binary: key(file(), "the program itself"),
  nats_sysctl: key(scalars(), "kernel settings"),
  nats_users: key(
    v.array(
      v.strictObject({
        user: key(text(), "its name"),
        password: key(text(), "its password"),
        account: key(text(), "its account"),
      }),
    ),
    "users and their accounts",
  ),
  nats_routes_password: key(text(), "password between the servers"),
  nats_max_mem: key(size(), "memory of JetStream"),
  nats_max_file: key(size(), "disk of JetStream"),
};

const schema = v.strictObject(entries);
export type JobVars = v.InferOutput<typeof schema>;

export const loadJob = (folder: string, options: LoadOptions): LoadedInventory<JobVars> =>
  load<JobVars>(folder, { entries, hostDefaults: (host) => ({ nats_name: host }), regionDefaults: () => ({}), checks: [] }, options);
