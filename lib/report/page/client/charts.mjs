// Draws the page's curves with uPlot, which stands in a script before this one.
const charts = JSON.parse(document.getElementById("charts").textContent);
const root = document.documentElement;
const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3], [4, 2], [14, 4]];
const live = new Map();

const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });
const number = (v) => (Math.abs(v) >= 10000 ? compact.format(v) : String(Number(v.toPrecision(4))));
const millis = (v) => (v >= 1000 ? `${Number((v / 1000).toPrecision(3))} s` : `${Number(v.toPrecision(3))} ms`);
const exact = (v, unit) =>
  v == null ? "–" : unit === "ms" ? millis(v) : `${v.toLocaleString("en-US", { maximumFractionDigits: Math.abs(v) < 100 ? 2 : 0 })} ${unit}`;

/** Percentile 99 is at 2, 99.9 at 3: each nine takes the same room. The 100th stands a bit beyond the last before it. */
function positions(percentiles) {
  return percentiles.map((p, i) => (p < 100 ? -Math.log10(1 - p / 100) : (i > 0 ? -Math.log10(1 - percentiles[i - 1] / 100) : 0) + 0.3));
}
const NINES = [0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999];
const nine = (share) => `p${Number((share * 100).toPrecision(8))}`;

/** Whether a label stands clear of the one after it. */
const room = (u, shares, i) => i === shares.length - 1 || u.valToPos(-Math.log10(1 - shares[i + 1]), "x") - u.valToPos(-Math.log10(1 - shares[i]), "x") > 34;

function marks(chart) {
  return (u) => {
    const { ctx } = u;
    ctx.save();
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    ctx.font = `${11 * devicePixelRatioOf(u)}px ${getComputedStyle(document.body).fontFamily}`;
    for (const mark of chart.marks ?? []) {
      const x = Math.round(u.valToPos(mark.x, "x", true));
      if (x < u.bbox.left - 1 || x > u.bbox.left + u.bbox.width) continue;
      ctx.strokeStyle = ctx.fillStyle = colour("soft");
      ctx.setLineDash([3, 3]);
      ctx.beginPath();
      ctx.moveTo(x, u.bbox.top);
      ctx.lineTo(x, u.bbox.top + u.bbox.height);
      ctx.stroke();
      ctx.fillText(mark.text, x + 4, u.bbox.top + 11 * devicePixelRatioOf(u));
    }
    ctx.restore();
  };
}
const devicePixelRatioOf = (u) => u.ctx.canvas.width / u.width;

function options(chart, width) {
  const byPercentile = chart.kind === "percentiles";
  const axis = {
    stroke: colour("soft"),
    grid: { stroke: colour("line"), width: 1 },
    ticks: { stroke: colour("line"), width: 1, size: 4 },
    font: `12px ${getComputedStyle(document.body).fontFamily}`,
  };
  const x = byPercentile ? positions(chart.x) : chart.x;
  const last = x.at(-1) ?? 1;
  const values = (_u, all) => all.map((v) => (v == null ? "" : chart.unit === "ms" ? millis(v) : number(v)));
  const nines = NINES.filter((s) => -Math.log10(1 - s) <= last + 0.01);
  return {
    width,
    height: Math.round(Math.max(200, Math.min(280, width * 0.5))),
    pxAlign: 1,
    cursor: { drag: { x: !byPercentile, y: false }, points: { size: 7 }, ...(byPercentile ? {} : { sync: { key: "time" } }) },
    scales: {
      x: { time: false, ...(byPercentile ? { range: [0, last] } : {}) },
      y: byPercentile
        ? {
            distr: 3,
            range: (_u, min, max) => [10 ** Math.floor(Math.log10(Math.max(min ?? 0.1, 1e-3))), 10 ** Math.ceil(Math.log10(Math.max(max ?? 1, 1e-2)))],
          }
        : { range: (_u, _min, max) => [0, max > 0 ? max * 1.08 : 1] },
    },
    axes: [
      {
        ...axis,
        size: 32,
        ...(byPercentile
          ? { splits: () => nines.map((s) => -Math.log10(1 - s)), values: (u) => nines.map((s, i) => (room(u, nines, i) ? nine(s) : "")) }
          : { values: (_u, all) => all.map((v) => `${v} s`), space: 60 }),
      },
      { ...axis, size: 58, values, ...(byPercentile ? {} : { space: 36 }) },
    ],
    series: [
      {
        label: byPercentile ? "percentile" : "time",
        value: (_u, _v, _s, i) => (i == null ? "" : byPercentile ? (chart.x[i] === 100 ? "max" : `p${chart.x[i]}`) : `${chart.x[i]} s`),
      },
      ...chart.series.map((s, i) => ({
        label: s.name,
        stroke: colour(`s${(i % 6) + 1}`),
        width: 2,
        dash: DASHES[i % DASHES.length],
        points: { show: chart.x.length < 3 },
        spanGaps: byPercentile,
        value: (_u, v) => exact(v, chart.unit),
      })),
    ],
    legend: { markers: { width: 0, fill: (u, i) => u.series[i].stroke?.(u, i) ?? u.series[i].stroke } },
    hooks: { draw: [marks(chart)] },
  };
}

function draw(place, width = place.clientWidth) {
  const chart = charts[place.dataset.chart];
  if (!chart || width === 0 || chart.x.length === 0) return;
  live.get(place)?.destroy();
  const x = chart.kind === "percentiles" ? positions(chart.x) : chart.x;
  const floor = chart.kind === "percentiles" ? (v) => (v == null ? null : Math.max(v, 0.001)) : (v) => v;
  live.set(place, new uPlot(options(chart, width), [x, ...chart.series.map((s) => s.values.map(floor))], place));
}

const places = [...document.querySelectorAll(".plot")];
const drawAll = (width) => places.forEach((p) => draw(p, width));
drawAll();
for (const place of places)
  new ResizeObserver(() => {
    if (!root.classList.contains("light") && live.get(place)?.width !== place.clientWidth) draw(place);
  }).observe(place);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll());
const opened = new Set();
// On paper always in light, and as wide as half a page.
addEventListener("beforeprint", () => {
  root.classList.add("light");
  for (const details of document.querySelectorAll("details.print:not([open])")) {
    details.open = true;
    opened.add(details);
  }
  drawAll(330);
});
addEventListener("afterprint", () => {
  root.classList.remove("light");
  for (const details of opened) details.open = false;
  opened.clear();
  drawAll();
});
