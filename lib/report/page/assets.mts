import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { html, Markup } from "./markup.mts";

const own = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8");
const uplot = (name: string): string => readFileSync(createRequire(import.meta.url).resolve(`uplot/${name}`), "utf8");

/** What the page carries along so that it needs nothing from elsewhere; the chart library only where there are charts. */
export function assets(charts: boolean): { style: Markup; scripts: Markup; policy: string } {
  const library = charts ? [`/* uPlot\n${uplot("LICENSE")}*/\n${uplot("dist/uPlot.iife.min.js")}`] : [];
  const modules = [own("client/tips.mjs"), ...(charts ? [own("client/charts.mjs")] : [])];
  const scripts = [...library.map((text) => ({ open: "<script>", text })), ...modules.map((text) => ({ open: '<script type="module">', text }))];
  const hashes = scripts.map(({ text }) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`);
  return {
    style: new Markup(`<style>${charts ? uplot("dist/uPlot.min.css") : ""}\n${own("style.css")}</style>`),
    scripts: html`${scripts.map(({ open, text }) => new Markup(`${open}${text}</script>\n`))}`,
    // Only these scripts run, and nothing is loaded: whatever a host may have got into the page stays text.
    policy: `default-src 'none'; style-src 'unsafe-inline'; script-src ${hashes.join(" ")}; base-uri 'none'; form-action 'none'`,
  };
}
