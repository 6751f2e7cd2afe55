import t from "tap";
import { validateAgainstFacts } from "../../roles/facts-checks.mts";
import { load } from "./fixture.mts";

const inventory = load({
  "group_vars/all.yml": "kernel_args:\n  isolcpus: managed_irq,2-7\n  nohz_full: 2-7\n  rcu_nocbs: 2-7\ncpus: 2-7\njetstream: { max_mem: 2GB }\n",
});
const lines = (facts: { cpus: number; memory?: number }): string[] =>
  validateAgainstFacts(inventory, inventory.hosts[0]!, facts).map((line) => line.replace(/^.*?inv\//, ""));

t.test("a host with all the CPUs fits", async (t) => t.strictSame(lines({ cpus: 8, memory: 16e9 }), []));
t.test("CPUs that the host hasn't got", async (t) =>
  t.strictSame(lines({ cpus: 4 }), [
    "group_vars/all.yml:2:13: kernel_args.isolcpus names CPU 4, but n1 has CPUs 0 to 3; correct the list",
    "group_vars/all.yml:3:14: kernel_args.nohz_full names CPU 4, but n1 has CPUs 0 to 3; correct the list",
    "group_vars/all.yml:4:14: kernel_args.rcu_nocbs names CPU 4, but n1 has CPUs 0 to 3; correct the list",
    "group_vars/all.yml:5:7: cpus names CPU 4, but n1 has CPUs 0 to 3; correct the list",
  ]),
);
const going = (stored: string, own = ""): string[] => {
  const down = load({ "group_vars/all.yml": `nats_version: 2.10.27\n${own}` });
  return validateAgainstFacts(down, down.hosts[0]!, { cpus: 8, stored }).map((line) => line.replace(/^.*?inv\//, ""));
};
t.test("streams that an older version couldn't read", async (t) => {
  t.strictSame(going("2.15.1"), [
    "group_vars/all.yml:1:15: n1 has streams written by 2.15.1, which 2.10.27 can't read; keep 2.15.1, or back them up and set allow_unsupported_downgrade: true",
  ]);
  t.strictSame(going("2.15.1", "allow_unsupported_downgrade: true\n"), []);
  for (const fine of ["2.9.25", "2.10.27", "2.11.9"]) t.strictSame(going(fine), [], fine);
  t.equal(going("2.12.0").length, 1);
});
t.test("minor releases that a step would leave out", async (t) => {
  const up = (stored: string, own = ""): string[] => {
    const to = load({ "group_vars/all.yml": `nats_version: 2.15.1\n${own}` });
    return validateAgainstFacts(to, to.hosts[0]!, { cpus: 8, stored }).map((line) => line.replace(/^.*?inv\//, ""));
  };
  t.strictSame(up("2.10.27"), [
    "group_vars/all.yml:1:15: n1 has streams written by 2.10.27, and 2.15.1 goes over 2.12 and 2.14; go to 2.12.x first, or all the way at once by ./playbooks/upgrade.mts --to 2.15.1 --skip-minors",
  ]);
  t.strictSame(up("2.10.27", "allow_skipped_minors: true\n"), []);
  for (const fine of ["2.14.0", "2.15.0", "2.15.1"]) t.strictSame(up(fine), [], fine);
});
t.test("more memory than the host has", async (t) =>
  t.strictSame(lines({ cpus: 8, memory: 1024 ** 3 }), ["group_vars/all.yml:6:23: jetstream.max_mem 2GB is more than n1 has (1.0 GiB); lower it"]),
);
