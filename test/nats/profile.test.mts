import t from "tap";
import { connectApp, connectSys } from "../../lib/nats/connect.mts";
import { kindOf, profileCpu, profileText, together } from "../../lib/nats/profile.mts";
import { ask } from "../../lib/nats/system.mts";
import { TestCluster, VERSIONS } from "./servers.mts";

const SERVER = "github.com/nats-io/nats-server/server.";

t.test("the innermost frame that says something decides", async (t) => {
  t.equal(
    kindOf(["internal/runtime/syscall/linux.Syscall6", "syscall.write", "net.(*conn).Write", "crypto/tls.(*Conn).Write", `${SERVER}(*client).flushOutbound`]),
    "network",
  );
  t.equal(kindOf(["crypto/internal/fips140/aes/gcm.Seal", "crypto/tls.(*Conn).Write", `${SERVER}(*client).flushOutbound`]), "TLS");
  t.equal(kindOf(["runtime.memmove", `${SERVER}(*msgBlock).writeMsgRecordLocked`, `${SERVER}(*raft).storeToWAL`]), "store");
  t.equal(kindOf(["runtime.mallocgc", `${SERVER}(*raft).processAppendEntry`]), "raft");
  t.equal(kindOf(["runtime.futex", "runtime.findRunnable"]), "Go's scheduler");
  t.equal(
    profileText(
      together([
        { ms: 60, kinds: { raft: 60 } },
        { ms: 40, kinds: { raft: 20, TLS: 20 } },
      ]),
    ),
    "raft 80 %, TLS 20 %",
  );
});

for (const version of VERSIONS) {
  t.test(`${version}: a busy server tells where its CPU goes`, (t) =>
    TestCluster.with(version, 1, async (cluster) => {
      const sys = await connectSys(cluster.target);
      const app = await connectApp(cluster.target);
      try {
        const [answer] = await ask(sys, "VARZ", ["n1"]);
        let stop = false;
        app.subscribe("busy", { callback: () => {} });
        const load = (async () => {
          for (const data = new Uint8Array(128); !stop; await app.flush()) for (let i = 0; i < 1000; i++) app.publish("busy", data);
        })();
        const profile = await profileCpu(sys, answer!.server.id, 1);
        stop = true;
        await load;
        t.ok(profile.ms > 0, `${profile.ms} ms: ${profileText(profile)}`);
        t.ok((profile.kinds.network ?? 0) > 0, "messages pass through sockets");
        const sum = Object.values(profile.kinds).reduce((a, b) => a + b, 0);
        t.ok(Math.abs(sum - profile.ms) < 1, "each sample counts once");
        await t.rejects(profileCpu(sys, answer!.server.id, 3600), /gave no CPU profile|timeout/i, "what the server refuses is told");
      } finally {
        await app.close();
        await sys.close();
      }
    }),
  );
}
