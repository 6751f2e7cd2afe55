import { nearest } from "../../lib/inventory/suggest.mts";
import { UsageError } from "../../lib/inventory/types.mts";
import { explainRemote, remoteCommand } from "../../lib/nats/bench/remote.mts";
import type { Generator } from "../../lib/nats/bench/run.mts";
import type { SiteRun } from "../site.mts";

/** Starts the generator on a host of the inventory, over the run's SSH connection. @throws UsageError for a host that isn't there */
export function onHost(run: SiteRun, name: string): (program: string) => Promise<Generator> {
  const { inventory } = run.config;
  const host = inventory.hosts.find((h) => h.name === name);
  if (!host) {
    const names = inventory.hosts.map((h) => h.name);
    const guess = nearest(name, names);
    throw new UsageError(`--from: there is no host "${name}" in ${inventory.dir}${guess ? ` (did you mean ${guess}?)` : ""}; hosts: ${names.join(", ")}`);
  }
  return async (program) => {
    const session = await run.connections.to(host);
    if (!session) throw new Error(`${name} can't be reached, so the load generator can't run there`);
    const child = session.start(remoteCommand(Buffer.byteLength(program)));
    child.stdin!.on("error", () => {}); // told by how it ends
    child.stdin!.write(program);
    return { child, explain: (exit, stderr) => explainRemote(name, exit, stderr) };
  };
}
