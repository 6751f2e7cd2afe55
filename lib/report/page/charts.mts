import type { EventOf } from "../tally.mts";
import { html, type Markup, NOTHING, tableOf } from "./markup.mts";
import { ms, n } from "./verdict.mts";

export type Chart = Omit<EventOf<"chart">, "type" | "at" | "lane">;

/** Charts of one heading beside each other. `drawn` collects what the page's script has to draw: a chart's place is its number there. */
export function chartsOf(charts: readonly Chart[], drawn: Chart[]): Markup {
  return html`<div class="charts">${charts.map((c) => (c.kind === "bars" ? bars(c) : curve(c, drawn)))}</div>`;
}

const shown = (value: number, unit: string): string =>
  unit === "ms" ? ms(value) : `${Math.abs(value) >= 100 ? n(value) : value.toFixed(value === 0 ? 0 : 2)} ${unit}`.trim();

function curve(chart: Chart, drawn: Chart[]): Markup {
  const id = drawn.push(chart) - 1;
  const said = chart.kind === "time" ? overTime(chart) : byPercentile(chart);
  return html`<figure class="chart"><figcaption><b>${chart.title}</b> <span class="soft">${chart.unit}</span></figcaption>
<div class="plot" data-chart="${id}" role="img" aria-label="${chart.title}, ${chart.unit}: ${said.label}"></div>
<details><summary>in numbers</summary>${said.table}</details></figure>`;
}

function overTime({ title, unit, series }: Chart): { label: string; table: Markup } {
  const rows = series.map(({ name, values }) => {
    const sorted = values.filter((v) => v !== null).sort((a, b) => a - b);
    const at = (share: number): string => (sorted.length ? shown(sorted[Math.round(share * (sorted.length - 1))]!, unit) : "-");
    return [name, at(0), at(0.5), at(1)];
  });
  return {
    label: rows.map(([name, least, median, most]) => `${name} ${median} (${least} to ${most})`).join("; "),
    table: tableOf(title, [{ head: "" }, ...["least", "median", "most"].map((head) => ({ head, number: true }))], rows),
  };
}

const TOLD = [50, 90, 99, 99.9, 99.99, 100];

function byPercentile({ title, unit, x, series }: Chart): { label: string; table: Markup } {
  const points = TOLD.filter((p) => x.includes(p));
  const rows = series.map(({ name, values }) => [
    name,
    ...points.map((p) => {
      const value = values[x.indexOf(p)];
      return value === null || value === undefined ? "-" : shown(value, unit);
    }),
  ]);
  const heads = points.map((p) => (p === 100 ? "max" : `p${p}`));
  return {
    label: rows.map(([name, ...values]) => `${name} ${values.map((v, i) => `${heads[i]} ${v}`).join(", ")}`).join("; "),
    table: tableOf(title, [{ head: "" }, ...heads.map((head) => ({ head, number: true }))], rows),
  };
}

/** Groups of bars, each with its value beside it: needs no script, and is its own table. */
function bars({ title, unit, labels = [], series }: Chart): Markup {
  const most = Math.max(...series.flatMap((s) => s.values.map((v) => v ?? 0)), Number.MIN_VALUE);
  const group = (label: string, i: number): Markup =>
    html`<tr><th scope="row">${label}</th>${series.map(
      (s, k) =>
        html`<td>${s.values[i] === null || s.values[i] === undefined ? "-" : html`<i class="bar s${k + 1}" style="width:${((s.values[i] / most) * 100).toFixed(2)}%"></i><span>${shown(s.values[i], unit)}</span>`}</td>`,
    )}</tr>`;
  return labels.length === 0
    ? NOTHING
    : html`<figure class="chart broad"><figcaption><b>${title}</b></figcaption><div class="wide" tabindex="0" role="region" aria-label="${title}"><table class="bars"><caption class="vh">${title}</caption><thead><tr><th scope="col"></th>${series.map((s, k) => html`<th scope="col"><i class="swatch s${k + 1}"></i>${s.name}</th>`)}</tr></thead><tbody>${labels.map(group)}</tbody></table></div></figure>`;
}
