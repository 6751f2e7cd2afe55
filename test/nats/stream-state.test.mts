import t from "tap";
import { streamStates } from "../../lib/nats/stream-state.mts";
import type { Jsz, PeerInfo } from "../../lib/nats/system.mts";

/** What one server says of stream S: who leads in its view, its last sequence, and the peers as it sees them. */
function says(server: string, leader: string, lastSeq: number, replicas: PeerInfo[] = [], consumer = {}) {
  const cluster = { name: "c", leader, replicas };
  const jsz = {
    account_details: [
      {
        name: "APP",
        stream_detail: [
          {
            name: "S",
            cluster,
            config: { name: "S", num_replicas: 3, retention: "limits", storage: "file" },
            state: { messages: lastSeq, bytes: 0, first_seq: 1, last_seq: lastSeq },
            consumer_detail: [
              {
                name: "w",
                cluster,
                config: { durable_name: "w", ack_policy: "explicit", num_replicas: 0 },
                delivered: { consumer_seq: 0, stream_seq: 0 },
                ack_floor: { consumer_seq: 0, stream_seq: 0 },
                num_ack_pending: 0,
                num_redelivered: 0,
                num_waiting: 0,
                num_pending: 0,
                ...consumer,
              },
            ],
          },
        ],
      },
    ],
  } as unknown as Jsz;
  return { server, jsz };
}
const peer = (name: string, lag = 0): PeerInfo => ({ name, current: lag === 0, active: 1e6, lag, peer: name });

t.test("replicas are as the leader sees them; followers' lists are incomplete", async (t) => {
  const [s] = streamStates([says("n1", "n2", 5, [peer("n3", 99)]), says("n2", "n2", 5, [peer("n1"), peer("n3")])]);
  t.equal(s?.leader, "n2");
  t.strictSame(
    s?.replicas.map((p) => [p.name, p.lag]),
    [
      ["n1", 0],
      ["n3", 0],
    ],
  );
});

t.test("a leader that others name but that says nothing itself is none", async (t) => {
  t.equal(streamStates([says("n1", "n2", 5), says("n3", "n2", 5)])[0]?.leader, "");
});

t.test("the mark is what the earlier reading had reached, and new messages are movement", async (t) => {
  const before = streamStates([says("n1", "n1", 10), says("n2", "n1", 8)]);
  t.match(before[0], { mark: 10, moving: false });
  t.match(streamStates([says("n1", "n1", 20), says("n2", "n1", 15)], before)[0], { mark: 10, moving: true });
  t.match(streamStates([says("n1", "n1", 10), says("n2", "n1", 8)], before)[0], { mark: 10, moving: false });
});

t.test("a consumer moves when something was delivered or acknowledged between the readings", async (t) => {
  const before = streamStates([says("n1", "n1", 10)]);
  const after = (consumer: object) => streamStates([says("n1", "n1", 10, [], consumer)], before)[0]?.consumers[0]?.moving;
  t.equal(after({}), false);
  t.equal(after({ num_ack_pending: 1 }), true);
  t.equal(after({ ack_floor: { consumer_seq: 1, stream_seq: 1 } }), true);
});

t.test("replicas of a consumer: inherited, its own, and one for an ephemeral one on a stream with limits", async (t) => {
  const count = (config: object) => streamStates([says("n1", "n1", 1, [], { config })])[0]?.consumers[0]?.replicaCount;
  t.equal(count({ durable_name: "w", num_replicas: 0 }), 3);
  t.equal(count({ durable_name: "w", num_replicas: 1 }), 1);
  t.equal(count({ num_replicas: 0 }), 1);
});
