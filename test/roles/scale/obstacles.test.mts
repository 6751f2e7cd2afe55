import t from "tap";
import { peerId } from "../../../lib/nats/jetstream/peers.mts";
import type { Change } from "../../../roles/scale/choose.mts";
import { cautions, obstacles } from "../../../roles/scale/obstacles.mts";
import type { Before, Standing } from "../../../roles/scale/standing.mts";

const host = (name: string) => ({ name, vars: { server_name: name, jetstream: { enabled: true } } }) as never;
const member = (name: string, offline = false) => ({ name, id: peerId(name), offline });
const standing = (name: string, more: Partial<Standing> = {}): Standing => ({
  server: name,
  host: host(name),
  member: member(name),
  runs: true,
  holds: [],
  ...more,
});
const stream = (name: string, replicas: number, leader = "n1") => ({ name, leader, config: { num_replicas: replicas } }) as never;

/** A sound cluster of n1 … n5 of which some leave. */
function before(leaving: Standing[], more: Partial<Before> = {}): Before {
  const gone = leaving.map((l) => l.server);
  const names = ["n1", "n2", "n3", "n4", "n5"];
  return {
    state: { servers: [{}], streams: [] } as never,
    joins: [],
    leaving,
    ghosts: [],
    unheld: [],
    stays: names.filter((n) => !gone.includes(n)).map((n) => standing(n)),
    group: { leader: "n1", size: 5, members: names.map((n) => member(n)) },
    ...more,
  };
}
const change = (more: Partial<Change> = {}): Change => ({ full: {} as never, rest: {} as never, leaving: [], ...more });
const said = (b: Before, c = change()): string[] => obstacles(c, b).map((o) => `${o.what}. ${o.next}`);
const dead = (name: string): Standing => standing(name, { runs: false, dead: true });

t.test("nothing stands against a sound change", async (t) => {
  t.same(said(before([standing("n4"), standing("n5")])), []);
  t.same(said(before([dead("n5")])), []);
});

t.test("no cluster, no leader", async (t) => {
  t.match(said(before([], { state: { servers: [], streams: [], failure: "refused\nmore" } as never })), [
    /^no server of the cluster answers: refused\. .*site\.mts/,
  ]);
  t.match(said(before([], { group: undefined })), [/no leader.*majority/]);
});

t.test("a member whom nobody named", async (t) => {
  t.match(said(before([], { ghosts: [member("n9")] })), [
    /^n9 is a member of the cluster, but not of the inventory\. put it back into hosts\.yml and run scale\.mts --remove n9; or, .* replace-node\.mts --dead n9$/,
  ]);
});

t.test("a dead one that answers", async (t) => {
  t.match(said(before([standing("n5", { dead: true })])), [/^n5 isn't dead.*--retire/]);
});

t.test("more replicas than nodes are left", async (t) => {
  t.match(said(before([standing("n4"), standing("n5")], { state: { servers: [{}], streams: [stream("A", 5), stream("B", 3)] } as never })), [
    /^stream A has 5 replicas, and 3 JetStream nodes would be left\. lower num_replicas/,
  ]);
});

t.test("of a dead one: the others must be a majority, and all there", async (t) => {
  const down = before([dead("n5")]);
  const two = down.stays.map((s) => (s.server === "n4" ? { ...s, runs: false } : s));
  t.match(said({ ...down, stays: two }), [/^n4 doesn't answer either\. .*--dead/]);
  t.match(said(before([dead("n3"), dead("n4"), dead("n5")])), [/only 2 of 5 members of the meta group run: no majority/]);
});

t.test("of a dead one: no stream may be lost unasked", async (t) => {
  t.match(said(before([dead("n5")], { unheld: ["stream SOLO", "consumer LOGS > w of account B"] })), [
    /^stream SOLO, consumer LOGS > w of account B: the only replica is on n5, and would be lost\. bring n5 back .*--accept-loss/,
  ]);
  t.same(said(before([dead("n5")], { unheld: ["stream SOLO"] }), change({ acceptLoss: true })), []);
  t.match(said(before([dead("n5")], { unasked: "account B: no answer" })), [
    /^what the leaving servers alone hold can't be told: account B: no answer\. give that account a user/,
  ]);
  t.same(said(before([dead("n5")], { unasked: "account B: no answer" }), change({ acceptLoss: true })), []);
  t.match(said(before([dead("n5")], { state: { servers: [{}], streams: [stream("A", 3, "")] } as never })), [
    /^stream A has no leader: a majority of the replicas is down/,
  ]);
});

t.test("what nobody holds is settled before one that runs leaves", async (t) => {
  t.match(said(before([standing("n4"), standing("n5")], { unheld: ["consumer LOGS > w"] })), [
    /^consumer LOGS > w: no server that runs holds it\. start the server that does, or delete it/,
  ]);
});

t.test("what is worth a warning", async (t) => {
  t.same(cautions(before([standing("n4"), standing("n5")])), []);
  t.match(cautions(before([standing("n5")])), [/^4 JetStream nodes will be left: an even number/]);
  t.match(cautions(before([standing("n3"), standing("n4"), standing("n5")])), [/^2 JetStream nodes will be left: when either/]);
  t.match(cautions(before([{ server: "n8", runs: false, holds: [] }])), [/^n8 is neither in the inventory nor in the cluster/]);
});
