import { readFileSync } from "node:fs";
import { request as ask } from "node:http";
import { join } from "node:path";
import t from "tap";
import { download, proxyFor } from "../../lib/artifact/download.mts";
import { usageLines } from "../pki/fixture.mts";
import { folder, type Web, web } from "./fixture.mts";

const OTHERWISE = "or fetch it by other means and set nats_source: { file: … }";

/** Sets environment variables for one test. */
function environment(t: { teardown(fn: () => void): void }, values: Record<string, string>): void {
  for (const [name, value] of Object.entries(values)) {
    const before = process.env[name];
    process.env[name] = value;
    t.teardown(() => {
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    });
  }
}

/** A real forwarding proxy: it is asked with the whole URL. */
async function proxy(t: { teardown(fn: () => unknown): void }): Promise<Web> {
  const site = await web(t);
  site.answer = ({ url }, response) => {
    ask(url!, (from) => {
      response.writeHead(from.statusCode!, from.headers);
      from.pipe(response);
    })
      .on("error", () => response.writeHead(502).end())
      .end();
    return true;
  };
  return site;
}

t.test("a download goes through the proxy that the environment names", async (t) => {
  const site = await web(t, { "/x": Buffer.from("hello") }),
    through = await proxy(t),
    to = join(folder(t), "x");
  environment(t, { http_proxy: through.url, no_proxy: "", NO_PROXY: "" });
  await download(`${site.url}/x`, to);
  t.equal(readFileSync(to, "utf8"), "hello");
  t.strictSame(through.asked, [`${site.url}/x`]);
});

t.test("hosts that NO_PROXY spares are asked directly", async (t) => {
  const site = await web(t, { "/x": Buffer.from("hello") }),
    through = await proxy(t);
  environment(t, { http_proxy: through.url, no_proxy: "127.0.0.1", NO_PROXY: "127.0.0.1" });
  await download(`${site.url}/x`, join(folder(t), "x"));
  t.strictSame(through.asked, []);
});

t.test("a missing file behind a proxy is told as one without", async (t) => {
  const site = await web(t),
    through = await proxy(t);
  environment(t, { http_proxy: through.url, no_proxy: "", NO_PROXY: "" });
  t.strictSame(await usageLines(() => download(`${site.url}/x`, join(folder(t), "x"))), [
    `${site.url}/x: there is no such file (404); check nats_version and nats_source`,
  ]);
});

t.test("a proxy that isn't there is named", async (t) => {
  const gone = await web(t);
  await gone.close();
  environment(t, { http_proxy: gone.url, no_proxy: "", NO_PROXY: "" });
  t.match(
    (await usageLines(() => download("http://nats.example/x", join(folder(t), "x"))))[0],
    /^http:\/\/nats\.example\/x: curl, which is used because http_proxy is set, says: curl: \(7\) .* \(tried 3 times\); check the network, or /,
  );
});

t.test("without curl the way out is said", async (t) => {
  environment(t, { http_proxy: "http://127.0.0.1:1", PATH: folder(t) });
  t.strictSame(await usageLines(() => download("http://nats.example/x", join(folder(t), "x"))), [
    `http://nats.example/x: http_proxy is set, which Node's own HTTP client can't use, and there is no curl; install curl, ${OTHERWISE}`,
  ]);
});

t.test("the variable that counts is the one curl looks at", (t) => {
  t.equal(proxyFor("https://x", { HTTPS_PROXY: "p" }), "HTTPS_PROXY");
  t.equal(proxyFor("http://x", { HTTP_PROXY: "p" }), undefined, "curl ignores it in capitals, for the sake of CGI programs");
  t.equal(proxyFor("http://x", { https_proxy: "p", ALL_PROXY: "q" }), "ALL_PROXY");
  t.equal(proxyFor("https://x", { https_proxy: "" }), undefined);
  t.end();
});
