import t from "tap";
import { linkFindings, type RegionLinks } from "../../lib/nats/regions.mts";
import type { Answer, Jsz, Leafz, OriginInfo } from "../../lib/nats/system.mts";

const answer = <T,>(name: string, data: T): Answer<T> => ({ server: { id: name, name, ver: "2.15.1" }, data, ms: 1, at: 0 });
const links: Omit<RegionLinks, "patienceMs"> = { goesTo: [{ name: "hk", addresses: ["10.0.0.1", "10.0.0.2"] }], letsIn: [], copies: [], lag: 100 };
const leaf = (ip: string): Leafz => ({ leafs: [{ account: "APP", ip, is_spoke: true, rtt: "1.5ms" }] });

t.test("each server has its connection to the other region", async (t) => {
  t.match(linkFindings(links, [answer("a", leaf("10.0.0.1")), answer("b", leaf("10.0.0.2"))], []), [
    { status: "passed", asset: "hk", detail: /2 of 2 servers, round trip 1\.5 ms/ },
  ]);
  t.match(linkFindings(links, [answer("a", leaf("10.0.0.1")), answer("b", {})], []), [
    { status: "failed", detail: "b has no connection to it", next: /regions: there/ },
  ]);
  t.match(linkFindings(links, [answer("a", leaf("10.9.9.9"))], []), [{ status: "failed" }], "another region's isn't this one's");
  t.match(
    linkFindings(links, [answer("a", { leafs: [{ account: "APP", ip: "10.0.0.1" }] })], []),
    [{ status: "failed" }],
    "a connection that comes from there is none that goes there",
  );
  const byName = { ...links, goesTo: [...links.goesTo, { name: "la", addresses: ["n1.la.example.net"] }] };
  t.match(
    linkFindings(byName, [answer("a", leaf("10.0.0.1"))], []).map((c) => c.status),
    ["passed", "failed"],
    "of a region known by a name: what is at no other region's address",
  );
});

t.test("a region that copies from here and isn't connected is a warning", async (t) => {
  const here = { ...links, goesTo: [], letsIn: [{ name: "sg", account: "REGION-sg" }] };
  t.match(linkFindings(here, [answer("a", {}), answer("b", {})], []), [{ status: "warning", asset: "sg", next: /inventory\/sg/ }]);
  t.match(linkFindings(here, [answer("a", { leafs: [{ account: "REGION-sg", ip: "10.1.0.1" }] })], []), [
    { status: "passed", detail: "1 of its servers connected" },
  ]);
});

t.test("copies: as the leader of the copy sees them", async (t) => {
  const api = "REGION.hk.API";
  const wanted = { ...links, goesTo: [], copies: [{ stream: "HK", of: "LOGS", region: "hk", api }] };
  const jsz = (origin: Partial<OriginInfo> | undefined, leader = "a"): Answer<Jsz>[] => [
    answer("a", {
      account_details: [
        {
          name: "APP",
          stream_detail: [{ name: "HK", cluster: { leader }, ...(origin && { mirror: { name: "LOGS", external: { api }, lag: 0, active: 5e8, ...origin } }) }],
        },
      ],
    } as unknown as Jsz),
  ];
  const look = (origin: Partial<OriginInfo> | undefined, leader?: string) => linkFindings(wanted, [], jsz(origin, leader))[0]!;
  t.match(look({}), { status: "passed", asset: "HK of hk/LOGS", detail: "0 behind, heard 0.5 s ago" });
  t.match(look({ lag: 100 }), { status: "passed" });
  t.match(look({ lag: 101 }), { status: "failed", detail: "101 messages behind, at most 100", next: /mirror_lag/ });
  t.match(look({ active: -1 }), { status: "failed", detail: "nothing has come from hk yet" });
  t.match(look({ active: 31e9 }), { status: "failed", detail: "nothing was heard of hk for 31 s" });
  t.match(look({ error: { description: "stream not found" } }), { status: "failed", detail: "stream not found" });
  t.match(look({}, "b"), { status: "failed", detail: "no server says that it copies" }, "only the leader's word counts");
  t.match(look({ external: { api: "REGION.la.API" } }), { status: "failed" }, "a namesake of another region is another stream");
  t.match(look(undefined), { status: "failed" });
});
