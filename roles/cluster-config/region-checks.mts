import type { Check } from "../../lib/inventory/load.mts";
import type { Vars } from "../schema.mts";
import { letsIn, madeFor } from "./regions.mts";

/** Other regions: each once, linked for something, the same on all hosts; and their port is free. */
export const regions: Check<Vars> = ({ hosts, region: own, error }) => {
  const [first, ...others] = hosts;
  if (!first) return;
  const plain = (vars: Vars): string => JSON.stringify(vars.regions.map((r) => ({ ...r, nkey_seed: r.nkey_seed.reveal() })));
  for (const host of others)
    if (plain(host.vars) !== plain(first.vars))
      error(host, ["regions"], `regions of ${host.name} differ from ${first.name}'s; set them for all hosts in one place`);
  const { regions: all, streams } = first.vars;
  all.forEach((region, i) => {
    const at = (key: string): (string | number)[] => ["regions", i, key];
    if (all.findIndex((r) => r.name === region.name) < i) error(first, at("name"), `region ${region.name} is there twice; merge them`);
    if (!region.streams?.length && !region.addresses?.length)
      error(first, at("name"), `region ${region.name} is linked for nothing; add streams: (that it may copy) or addresses: (to copy from it)`);
    region.streams?.forEach((name, k) => {
      const stream = streams.find((s) => s.name === name);
      if (!stream)
        error(first, [...at("streams"), k], `stream ${name}, which ${region.name} may copy, isn't declared under streams:; declare it, or correct the name`);
      else if ("partitions" in stream && stream.partitions)
        error(first, [...at("streams"), k], `stream ${name} has partitions, which another region can't copy as one; leave it out`);
      for (const consumer of madeFor(first.vars, own, region.name, name))
        if (consumer.ack_policy !== "flow_control")
          error(
            first,
            ["streams", streams.indexOf(stream!), "consumers", stream!.consumers.indexOf(consumer), "ack_policy"],
            `consumer ${consumer.durable_name} of stream ${name} delivers to region ${region.name}, whose copy acknowledges by flow control; write ack_policy: flow_control`,
          );
    });
  });
  for (const { vars, connection, ...host } of hosts) {
    if (!letsIn(vars).length) continue;
    const used: [string, number][] = [["port", vars.port], ["http_port", vars.http_port], ["cluster.port", vars.cluster.port], ["sshd's port", connection.port ?? 22]]; // biome-ignore format: a table
    const clash = used.find(([, port]) => port === vars.region_port);
    if (clash) error({ vars, connection, ...host }, ["region_port"], `region_port ${vars.region_port} is also ${clash[0]}; choose another`);
  }
};
