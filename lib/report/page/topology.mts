import type { TopologyServer } from "../../engine/events.mts";
import type { EventOf } from "../tally.mts";
import { plural, truncate } from "../text.mts";
import { html, type Markup, NOTHING, type Part, tableOf } from "./markup.mts";
import type { Story } from "./story.mts";
import { serversOf } from "./tables.mts";
import { n } from "./verdict.mts";

type Topology = EventOf<"topology">;

/** More servers than these make a drawing unreadable: then the round trips are a table. */
const DRAWN = 5;
/** Streams beyond these are folded away. */
const STREAMS = 24;

/** Each cluster's servers with the routes between them, and who leads and holds which stream. The last look at a cluster counts. */
export function topologies(story: Story): Markup {
  const latest = [...new Map(story.topologies.map((t) => [t.lane, t])).values()];
  if (latest.length === 0) return NOTHING;
  return html`<div class="topologies">${latest.map(
    (t) =>
      html`<div class="topology">${latest.length > 1 ? html`<h3>${t.lane}</h3>` : NOTHING}${t.servers.length <= DRAWN ? drawing(t) : rtts(t)}<div>${streams(t)}</div>${serversOf(story, t.lane)}</div>`,
  )}</div>`;
}

/** The slower of the two directions; null: not measured yet; undefined: no route in at least one of them. */
function route(a: TopologyServer, b: TopologyServer): number | null | undefined {
  const ab = a.routes.find((r) => r.to === b.name),
    ba = b.routes.find((r) => r.to === a.name);
  if (!ab || !ba) return undefined;
  return ab.rttMs === null || ba.rttMs === null ? (ab.rttMs ?? ba.rttMs) : Math.max(ab.rttMs, ba.rttMs);
}

const rtt = (ms: number | null | undefined): string =>
  ms === undefined ? "no route" : ms === null ? "not measured" : `${ms.toFixed(ms < 0.1 ? 2 : ms < 10 ? 1 : 0)} ms`;

const pairs = (servers: readonly TopologyServer[]): [TopologyServer, TopologyServer][] =>
  servers.flatMap((a, i) => servers.slice(i + 1).map((b): [TopologyServer, TopologyServer] => [a, b]));

function drawing({ servers, streams, lane }: Topology): Markup {
  const count = servers.length;
  const [width, height] = count === 1 ? [480, 90] : count === 2 ? [480, 110] : count === 3 ? [480, 270] : [560, 400];
  const [boxW, boxH] = [150, 56];
  const [rx, ry] = [(width - boxW) / 2 - 4, (height - boxH) / 2 - 4];
  const start = count === 2 ? Math.PI : -Math.PI / 2;
  const raw = servers.map((_, i) => ({
    x: count === 1 ? 0 : rx * Math.cos(start + (2 * Math.PI * i) / count),
    y: count <= 2 ? 0 : ry * Math.sin(start + (2 * Math.PI * i) / count),
  }));
  // A triangle's points don't fill the ellipse: they are moved and stretched until they touch the edges.
  const [top, bottom] = [Math.min(...raw.map((p) => p.y)), Math.max(...raw.map((p) => p.y))];
  const [left, right] = [Math.min(...raw.map((p) => p.x)), Math.max(...raw.map((p) => p.x))];
  const at = raw.map(({ x, y }) => ({
    x: width / 2 + (right > left ? ((x - (left + right) / 2) * 2 * rx) / (right - left) : 0),
    y: height / 2 + (bottom > top ? ((y - (top + bottom) / 2) * 2 * ry) / (bottom - top) : 0),
  }));
  const place = new Map(servers.map((s, i) => [s.name, at[i]!]));
  const edges = pairs(servers).map(([a, b]) => {
    const [p, q] = [place.get(a.name)!, place.get(b.name)!];
    const ms = route(a, b);
    // Those through the middle cross there: their labels stand off it.
    const apart = Math.abs(servers.indexOf(a) - servers.indexOf(b));
    const share = apart > 1 && apart < count - 1 ? 0.33 : 0.5;
    const [x, y] = [p.x + (q.x - p.x) * share, p.y + (q.y - p.y) * share];
    const text = rtt(ms);
    const w = text.length * 6.6 + 12;
    const gone = ms === undefined;
    return [
      html`<line class="route${gone ? " gone" : ""}" x1="${p.x.toFixed(1)}" y1="${p.y.toFixed(1)}" x2="${q.x.toFixed(1)}" y2="${q.y.toFixed(1)}"/>`,
      html`<rect class="rtt-box" x="${(x - w / 2).toFixed(1)}" y="${(y - 10).toFixed(1)}" width="${w.toFixed(1)}" height="20" rx="10"/><text class="rtt${gone ? " gone" : ""}" x="${x.toFixed(1)}" y="${(y + 4).toFixed(1)}" text-anchor="middle">${text}</text>`,
    ];
  });
  const boxes = servers.map((s) => {
    const { x, y } = place.get(s.name)!;
    const led = streams.filter((t) => t.leader === s.name).length;
    const below = s.up ? [s.version ?? "", led > 0 ? `leads ${plural(led, "stream")}` : ""].filter(Boolean).join(" · ") : "doesn't answer";
    return html`<g class="node${s.up ? "" : " down"}${s.metaLeader ? " meta" : ""}"><rect x="${(x - boxW / 2).toFixed(1)}" y="${(y - boxH / 2).toFixed(1)}" width="${boxW}" height="${boxH}" rx="9"/><text class="name" x="${x.toFixed(1)}" y="${(y - (s.metaLeader ? 8 : 2)).toFixed(1)}" text-anchor="middle">${truncate(s.name, 21)}</text><text class="about" x="${x.toFixed(1)}" y="${(y + (s.metaLeader ? 7 : 15)).toFixed(1)}" text-anchor="middle">${below}</text>${s.metaLeader ? html`<text class="crown" x="${x.toFixed(1)}" y="${(y + 21).toFixed(1)}" text-anchor="middle">meta leader</text>` : NOTHING}</g>`;
  });
  const label = `${lane}: ${servers.map((s) => `${s.name}${s.up ? "" : " doesn't answer"}${s.metaLeader ? " is the meta leader" : ""}`).join(", ")}. Routes: ${pairs(
    servers,
  )
    .map(([a, b]) => `${a.name} to ${b.name} ${rtt(route(a, b))}`)
    .join(", ")}`;
  return html`<svg class="map" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">${edges.map(([line]) => line)}${edges.map(([, text]) => text)}${boxes}</svg>`;
}

function rtts({ servers, lane }: Topology): Markup {
  const rows = servers.map((a): Part[] => [
    html`${a.name}${a.metaLeader ? html` <span class="soft">meta leader</span>` : NOTHING}`,
    ...servers.map((b) => (a === b ? "" : rtt(a.routes.find((r) => r.to === b.name)?.rttMs))),
  ]);
  return tableOf(`${lane}: round trip of the routes`, [{ head: "from" }, ...servers.map((s) => ({ head: s.name, number: true }))], rows);
}

function streams({ servers, streams: all, lane }: Topology): Markup {
  if (all.length === 0) return NOTHING;
  const several = new Set(all.map((s) => s.account)).size > 1;
  const rows = all.map((s): Part[] => [
    html`${s.name}${several ? html` <span class="soft">${s.account}</span>` : NOTHING}${s.leader ? NOTHING : html` <span class="t-failed">no leader</span>`}`,
    ...servers.map((v) =>
      s.leader === v.name
        ? html`<span class="lead">●<span class="vh">leader</span></span>`
        : s.replicas.includes(v.name)
          ? html`<span class="copy">○<span class="vh">replica</span></span>`
          : "",
    ),
    n(s.messages),
    size(s.bytes),
  ]);
  const led = (name: string): number => all.filter((s) => s.leader === name).length;
  if (all.length > 1) rows.push([html`<span class="soft">streams led</span>`, ...servers.map((v) => html`<span class="soft">${led(v.name)}</span>`), "", ""]);
  const table = tableOf(
    `${lane}: streams, leader and replicas by server`,
    [{ head: "stream" }, ...servers.map((s) => ({ head: s.name })), { head: "messages", number: true }, { head: "size", number: true }],
    rows,
    "matrix",
  );
  const legend = html`<p class="legend"><span><b class="lead">●</b> leader</span><span><b class="copy">○</b> replica</span></p>`;
  return all.length > STREAMS
    ? html`<details><summary>${plural(all.length, "stream")}: leaders and replicas</summary>${table}${legend}</details>`
    : html`${table}${legend}`;
}

/** 812 B, 3.2 MB */
function size(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toFixed(power > 0 ? 1 : 0)} ${units[power]}`;
}
