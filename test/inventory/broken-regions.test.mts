import t from "tap";
import { ALL, type Case, faults, load, table, warnings } from "./fixture.mts";

const CA = { "ca.crt": "" };
const region = (fields: string, more = ""): Case[1] => ({ ...CA, [ALL]: `regions:\n  - { name: sg, ca: ca.crt, nkey_seed: "\${LINK}", ${fields} }\n${more}` });
const LOGS = "streams:\n  - { name: LOGS, subjects: [l] }\n";

/** Links to other regions: what is told before any host is touched. */
const cases: Case[] = [
  [
    "linked for nothing",
    region(""),
    ["group_vars/all.yml:2:13: region sg is linked for nothing; add streams: (that it may copy) or addresses: (to copy from it)"],
  ],
  [
    "a stream that isn't there",
    region("streams: [LOG]", LOGS),
    ["group_vars/all.yml:2:61: stream LOG, which sg may copy, isn't declared under streams:; declare it, or correct the name"],
  ],
  [
    "a port that is taken",
    region("streams: [LOGS]", `${LOGS}region_port: 6222\n`),
    [`group_vars/all.yml:5:14: region_port 6222 is also cluster.port; choose another`],
  ],
  [
    "a mirror of a region to which there is no way",
    region("streams: [LOGS]", `${LOGS}  - name: COPY\n    mirror: { name: LOGS, region: hk }\n`),
    ["group_vars/all.yml:6:35: region hk isn't one of regions: with addresses; add it there"],
  ],
  [
    "two places for one source",
    region("addresses: [10.9.0.1]", `streams:\n  - name: COPY\n    sources: [{ name: LOGS, region: sg, external: { api: a.b } }]\n`),
    ["group_vars/all.yml:5:37: region and external exclude each other; remove one"],
  ],
  [
    "a consumer whose deliveries the other region doesn't send here",
    region("addresses: [10.9.0.1]", `streams:\n  - name: COPY\n    mirror: { name: LOGS, region: sg, consumer: { name: to-inv, deliver_subject: other } }\n`),
    ["group_vars/all.yml:5:82: region sg delivers here below REGION.sg.to.inv. only; write that of its consumer, or leave it out"],
  ],
  [
    "a consumer for a copy that doesn't acknowledge as copies do",
    region("streams: [LOGS]", "streams:\n  - { name: LOGS, subjects: [l], consumers: [{ durable_name: to-sg, deliver_subject: REGION.inv.to.sg.LOGS }] }\n"),
    ["group_vars/all.yml:4:46: consumer to-sg of stream LOGS delivers to region sg, whose copy acknowledges by flow control; write ack_policy: flow_control"],
  ],
];
table(t, cases);

t.test("the port for other regions lies among the outgoing ports", async (t) => {
  t.match(warnings(region("streams: [LOGS]", `${LOGS}region_port: 17422\n`)), [/port 17422 lies among the outgoing ports 10240 to 65535/]);
  t.same(warnings(region("addresses: [10.9.0.1]", "region_port: 17422\n")), [], "nobody is let in by it");
});

t.test("a CA that isn't there", async (t) =>
  t.match(faults({ [ALL]: region("addresses: [10.9.0.1]")[ALL]! }), [/^inv\/group_vars\/all\.yml:2:\d+: .*ca\.crt/]),
);

t.test("the same name in another region is another stream", async (t) => {
  const inventory = load(region("addresses: [10.9.0.1]", "streams:\n  - name: LOGS\n    mirror: { name: LOGS, region: sg }\n"));
  t.match(inventory.hosts[0]!.vars.streams[0], { mirror: { name: "LOGS", region: "sg" } });
});
