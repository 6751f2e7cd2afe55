import t from "tap";
import { validateAgainstFacts } from "../../roles/facts-checks.mts";
import { load } from "./fixture.mts";

const inventory = load({ "group_vars/all.yml": "kernel_args:\n  isolcpus: managed_irq,2-7\n  nohz_full: 2-7\n  rcu_nocbs: 2-7\ncpus: 2-7\njetstream: { max_mem: 2GB }\n" });
const lines = (facts: { cpus: number; memory?: number }): string[] => validateAgainstFacts(inventory, inventory.hosts[0]!, facts).map((line) => line.replace(/^.*?inv\//, ""));

t.test("a host with all the CPUs fits", async (t) => t.strictSame(lines({ cpus: 8, memory: 16e9 }), []));
t.test("CPUs that the host hasn't got", async (t) => t.strictSame(lines({ cpus: 4 }), [
  "group_vars/all.yml:2:13: kernel_args.isolcpus names CPU 4, but n1 has CPUs 0 to 3; correct the list",
  "group_vars/all.yml:3:14: kernel_args.nohz_full names CPU 4, but n1 has CPUs 0 to 3; correct the list",
  "group_vars/all.yml:4:14: kernel_args.rcu_nocbs names CPU 4, but n1 has CPUs 0 to 3; correct the list",
  "group_vars/all.yml:5:7: cpus names CPU 4, but n1 has CPUs 0 to 3; correct the list",
]));
t.test("more memory than the host has", async (t) => t.strictSame(lines({ cpus: 8, memory: 1024 ** 3 }), ["group_vars/all.yml:6:23: jetstream.max_mem 2GB is more than n1 has (1.0 GiB); lower it"]));
