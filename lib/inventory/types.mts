import type { Secret } from "../secret.mts";

/** How to reach a host. Paths are absolute by the time they get here. */
export interface Connection {
  address: string;
  user?: string;
  port?: number;
  identity_file?: string;
  proxy_jump?: string;
  /** further ssh_config options by their own names, e.g. `{ ConnectTimeout: 5 }` */
  options: Record<string, string>;
  /** known_hosts of the inventory; the user's own is not consulted */
  known_hosts: string;
  /** become root by sudo */
  become: boolean;
  become_password?: Secret;
}

/** One host with its merged and validated variables. V is the schema of all roles together (roles/schema.mts). */
export interface Host<V = unknown> {
  readonly name: string;
  readonly groups: readonly string[];
  readonly connection: Connection;
  readonly vars: V;
}

export interface Inventory<V = unknown> {
  /** name of the folder: the region */
  readonly region: string;
  /** absolute path of the folder */
  readonly dir: string;
  /** in the order of hosts.yml; the whole inventory, also under --limit */
  readonly hosts: readonly Host<V>[];
  readonly groups: ReadonlyMap<string, readonly string[]>;
  /** one line each, `file:line:column: what; what to do` */
  readonly warnings: readonly string[];
}

/** The user's mistake: lines to print as they are, exit status 3, no host touched. */
export class UsageError extends Error {
  readonly lines: readonly string[];
  constructor(lines: string | readonly string[]) {
    const all = typeof lines === "string" ? [lines] : lines;
    super(all.join("\n"));
    this.lines = all;
  }
}
