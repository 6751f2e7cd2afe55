import { run, tryRun } from "./run.mts";

const table = "inet sampan_lab";

/** Drops everything between a host's namespace and an address, both ways. (A table of its own: rules of roles stay as they are.) */
export async function cut(netns: string, address: string): Promise<void> {
  await nft(
    netns,
    `
    add table ${table}
    add set ${table} cut { type ipv4_addr; }
    add chain ${table} in { type filter hook input priority -300; }
    add chain ${table} out { type filter hook output priority -300; }
    flush chain ${table} in
    flush chain ${table} out
    add rule ${table} in ip saddr @cut drop
    add rule ${table} out ip daddr @cut drop
    add element ${table} cut { ${address} }
  `,
  );
}

/** Undoes `cut` for one address, or for all. Nothing cut is fine too. */
export async function mend(netns: string, address?: string): Promise<void> {
  const rules = (await tryRun("nsenter", [`--net=/run/netns/${netns}`, "nft", "list", "table", ...table.split(" ")])).stdout;
  if (rules === "") return;
  if (address === undefined) await nft(netns, `delete table ${table}`);
  else if (new RegExp(`\\b${address.replaceAll(".", "\\.")}\\b`).test(rules)) await nft(netns, `delete element ${table} cut { ${address} }`);
}

const nft = (netns: string, rules: string): Promise<string> => run("nsenter", [`--net=/run/netns/${netns}`, "nft", "-f", "-"], { input: rules });
