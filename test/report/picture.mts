/**
 * The beginning of a report page as a picture: `npx tsx test/report/picture.mts PAGE.html docs/images/report.png [HEIGHT]`.
 * Light, 1100 pixels wide.
 */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { Browser } from "../support/browser.mts";

const [page = "", picture = "", height = "1200"] = process.argv.slice(2);
const browser = await Browser.start();
try {
  await browser.open(resolve(page), { width: 1100 });
  const { data } = await browser.ask("Page.captureScreenshot", {
    format: "png",
    captureBeyondViewport: true,
    clip: { x: 0, y: 0, width: 1100, height: Number(height), scale: 1 },
  });
  writeFileSync(picture, Buffer.from(String(data), "base64"));
} finally {
  await browser.close();
}
