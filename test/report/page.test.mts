import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { Event, EventInput } from "../../lib/engine/events.mts";
import { runBench } from "../../lib/nats/bench/run.mts";
import { settleBench } from "../../lib/nats/bench/spec.mts";
import type { BenchResult } from "../../lib/nats/bench/types.mts";
import { openLoad } from "../../lib/nats/load/open.mts";
import { pullTest } from "../../lib/nats/load/pull.mts";
import { observe } from "../../lib/nats/observe.mts";
import { html } from "../../lib/report/html.mts";
import type { Cluster } from "../../roles/cluster.mts";
import { showFigures, showTopology } from "../../roles/verify/shown.mts";
import { TestCluster } from "../nats/servers.mts";
import { until } from "../nats/until.mts";
import { Browser, skip } from "../support/browser.mts";
import { rollout } from "./rollout.mts";

const dir = mkdtempSync(join(tmpdir(), "sampan-page-"));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));

/** A short bench and a look at a cluster of real servers. */
async function measured(): Promise<{ result: BenchResult; events: Event[] }> {
  return TestCluster.with("2.15.1", 3, async (cluster) => {
    await until(
      () => observe(cluster.target),
      ({ servers }) => servers.length === 3 && servers.every((s) => s.routes.length === 2 && s.jetstream?.meta?.leader),
    );
    const events: Event[] = [];
    const emit = (e: EventInput): void => void events.push({ at: Date.now(), ...e } as Event);
    emit({ type: "run_start", playbook: "bench", inventory: "inventory/lab", mode: "apply", hosts: [], roles: ["bench"] });
    const shown = { emit, name: "test" } as unknown as Cluster;
    showTopology(shown, await observe(cluster.target));
    const load = await openLoad(cluster.target, { workers: 3 });
    try {
      showFigures(shown, "pull from a stream", await pullTest(load, { rate: 500, seconds: 1, batch: 64, replicas: 3 }));
    } finally {
      await load.close();
    }
    const result = await runBench(cluster.target, settleBench({ push: { rate: 1000 }, pull: { rate: 500 }, seconds: 2, warmUp: 1, rounds: 2 }));
    emit({ type: "bench", lane: "test", result });
    emit({ type: "run_end", ms: 1, exit: 0, recap: {} });
    return { result, events };
  });
}

function write(name: string, events: readonly Event[]): string {
  const file = join(dir, name);
  const reporter = html({ file });
  for (const e of events) reporter.event(e);
  reporter.end();
  return file;
}

const texts = (selector: string): string => `[...document.querySelectorAll(${JSON.stringify(selector)})].map((e) => e.textContent.trim())`;
/** Of all text that is seen, what stands out too little from what is behind it (WCAG 2: 4.5, or 3 where it is large). */
const PALE = `(() => {
  const rgb = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((a, v, i) => a + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; (n = walk.nextNode()); ) {
    const e = n.parentElement;
    if (!n.data.trim() || e.closest("script,style,.vh,.tip") || !e.getClientRects().length) continue;
    const style = getComputedStyle(e);
    const [a, b] = [light(rgb(e.closest("svg") ? style.fill : style.color)), light(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) found.push(n.data.trim() + " " + ratio.toFixed(2));
  }
  return [...new Set(found)];
})()`;
/** Tables (but a curve's legend, which is part of the picture) without a caption or with headings that head nothing, pictures that say nothing. */
const MUTE = `[
  ...[...document.querySelectorAll("table:not(.u-legend)")].filter((e) => !e.caption?.textContent || e.querySelector("th:not([scope])")).map((e) => "table " + e.textContent.slice(0, 60)),
  ...[...document.querySelectorAll("svg, .plot")].filter((e) => e.getAttribute("role") !== "img" || (e.getAttribute("aria-label") ?? "").length < 20).map((e) => "picture " + e.outerHTML.slice(0, 200)),
]`;

async function sound(t: Test, browser: Browser, file: string): Promise<void> {
  for (const dark of [false, true]) {
    const { complaints, requests } = await browser.open(file, { dark });
    t.same(complaints, [], "no complaint");
    t.same(requests, [`file://${file}`], "nothing is asked for but the page");
    await browser.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))");
    t.same(await browser.evaluate(PALE), [], `everything can be read, ${dark ? "dark" : "light"}`);
  }
  t.same(await browser.evaluate(MUTE), [], "tables and pictures say what they are");
  await browser.open(file, { width: 390 });
  t.equal(await browser.evaluate("document.documentElement.scrollWidth"), 390, "on a phone nothing sticks out");
}

t.test("the page in a browser", { skip }, async (t) => {
  const browser = await Browser.start();
  t.teardown(() => browser.close());

  for (const [name, events] of Object.entries({
    done: rollout({ bare: true }),
    failed: rollout({ broken: true, hosts: 5 }),
    check: rollout({ mode: "check" }),
    interrupted: rollout({ interrupted: true }),
    "thirty-hosts": rollout({ hosts: 30 }),
  }))
    t.test(`a rollout: ${name}`, async (t) => {
      await sound(t, browser, write(`${name}.html`, events));
      const ended = events.filter((e) => e.type === "task_end").length;
      t.match((await browser.evaluate<string[]>(texts("summary"))).join("\n"), `All ${ended} tasks`);
    });

  t.test("a bench: its figures are the events'", async (t) => {
    const { result, events } = await measured();
    const file = write("bench.html", events);
    await sound(t, browser, file);
    await browser.open(file);

    const shown = await browser.evaluate<string[]>(texts(".figures dd"));
    const n = (value: number): string => Math.round(value).toLocaleString("en-US");
    for (const flow of result.summary) t.ok(shown.includes(`${n(flow.rate.delivered.median)} msg/s`), `${flow.kind}: delivered`);
    for (const e of events) {
      if (e.type === "figures") for (const item of e.items) t.ok(shown.includes(item.text), `${e.title}: ${item.name} ${item.text}`);
      if (e.type === "table") {
        const cells = await browser.evaluate<string[]>(texts("th, td"));
        for (const cell of e.rows.flat().filter(Boolean)) t.ok(cells.includes(cell), `a cell says ${cell}`);
      }
      if (e.type === "topology") {
        const map = await browser.evaluate<string>("document.querySelector('svg.map').textContent");
        for (const s of e.servers) {
          t.match(map, s.name);
          for (const r of s.routes) {
            const back = e.servers.find((o) => o.name === r.to)?.routes.find((o) => o.to === s.name)?.rttMs ?? 0;
            const slower = Math.max(r.rttMs!, back);
            t.match(map, `${slower.toFixed(slower < 0.1 ? 2 : 1)} ms`);
          }
        }
      }
    }

    const charts = await browser.evaluate<{ title: string; x: number[]; series: { name: string; values: (number | null)[] }[] }[]>(
      "JSON.parse(document.getElementById('charts').textContent)",
    );
    const throughput = charts.find((c) => c.title === "throughput")!;
    for (const kind of ["push", "pull"] as const) {
      const drawn = throughput.series.find((s) => s.name === `${kind} delivered`)!.values.filter((v) => v !== null);
      t.same(
        drawn,
        result.rounds.flatMap((r) => r.flows.find((f) => f.kind === kind)!.samples.map((s) => s.delivered)),
        `${kind}: each second's messages`,
      );
    }
    t.same(
      charts.find((c) => c.title === "CPU by node")!.series.map((s) => s.name),
      result.rounds[0]!.nodes.map((v) => v.node),
    );
    const drawn = await browser.evaluate<{ labels: string[]; colours: number }[]>(`[...document.querySelectorAll(".plot")].map((p) => {
      const c = p.querySelector("canvas");
      const { data } = c.getContext("2d").getImageData(0, 0, c.width, c.height);
      const colours = new Set(new Uint32Array(data.buffer));
      return { labels: [...p.querySelectorAll(".u-series .u-label")].slice(1).map((e) => e.textContent), colours: colours.size };
    })`);
    t.equal(drawn.length, charts.length);
    drawn.forEach(({ labels, colours }, i) => {
      t.same(
        labels,
        charts[i]!.series.map((s) => s.name),
        `${charts[i]!.title}: its legend`,
      );
      t.ok(colours > 3, `${charts[i]!.title}: something is drawn`);
    });

    await browser.open(file, { dark: true });
    const paper = "getComputedStyle(document.documentElement).getPropertyValue('--card').trim()";
    t.not(await browser.evaluate(paper), "#ffffff", "dark on a screen");
    await browser.evaluate("addEventListener('beforeprint', () => (window.paper = " + paper + "))");
    const { data } = await browser.ask("Page.printToPDF");
    t.ok(Buffer.from(String(data), "base64").toString("latin1").startsWith("%PDF-"), "it prints");
    t.equal(await browser.evaluate("window.paper"), "#ffffff", "and its curves are light then");
    t.not(await browser.evaluate(paper), "#ffffff", "dark again afterwards");
  });
});
