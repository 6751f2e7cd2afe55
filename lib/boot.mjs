// Runs a playbook: node lib/boot.mjs PLAYBOOK ARGUMENT…
//
// Loading two hundred TypeScript modules one by one costs half a second. So all playbooks are bundled once (esbuild, into
// node_modules/.cache), and again whenever a source has changed; a start then costs a look at the sources' times. A playbook
// elsewhere in this folder is bundled by itself. Plain JavaScript, because it runs before there is anything that understands TypeScript.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const cache = join(root, "node_modules/.cache/sampan");
const playbook = resolve(process.argv[2] ?? "");
process.argv.splice(1, 1); // as if node had been given the playbook itself
const isOurs = dirname(playbook) === join(root, "playbooks");

/** Changes with every change to a source: their count, the sum of their sizes, the latest time. */
function stamp() {
  let count = 0,
    bytes = 0,
    latest = statSync(join(root, "package-lock.json")).mtimeMs;
  for (const folder of [join(root, "lib"), join(root, "roles"), dirname(playbook)]) {
    for (const entry of readdirSync(folder, { recursive: true })) {
      if (!entry.endsWith(".mts") && !entry.endsWith("boot.mjs")) continue;
      const { size, mtimeMs } = statSync(join(folder, entry));
      count++;
      bytes += size;
      latest = Math.max(latest, mtimeMs);
    }
  }
  const own = isOurs ? "" : `-${createHash("sha256").update(playbook).digest("hex").slice(0, 12)}`;
  return `${count}-${bytes}-${Math.round(latest)}-${process.version}${own}`;
}

/** Modules find their files (templates, sh) by import.meta: in a bundle it must still say where the source lies. */
const sourceUrls = {
  name: "source-urls",
  setup(build) {
    build.onLoad({ filter: /\.mts$/ }, ({ path }) => ({
      loader: "ts",
      contents: readFileSync(path, "utf8")
        .replaceAll("import.meta.url", JSON.stringify(pathToFileURL(path).href))
        .replaceAll("import.meta.dirname", JSON.stringify(join(path, ".."))),
    }));
  },
};

async function bundle(target) {
  const { build } = await import("esbuild");
  mkdirSync(cache, { recursive: true });
  const part = mkdtempSync(join(cache, "part-"));
  try {
    await build({
      entryPoints: isOurs
        ? readdirSync(dirname(playbook))
            .filter((f) => f.endsWith(".mts"))
            .map((f) => join(root, "playbooks", f))
        : [playbook],
      outdir: part,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "node",
      target: "node20",
      sourcemap: "linked",
      sourcesContent: false,
      sourceRoot: pathToFileURL(part).href + "/",
      logLevel: "silent",
      plugins: [sourceUrls],
      // CommonJS that is imported when needed: bundled, it would lose its names
      external: ["nats", "@nats-io/*", "esbuild"],
      banner: {
        js: `import { createRequire as requireOf } from "node:module"; const require = requireOf(${JSON.stringify(pathToFileURL(join(root, "package.json")).href)});`,
      },
    });
    renameSync(part, target);
  } catch (error) {
    rmSync(part, { recursive: true, force: true });
    if (!existsSync(target)) throw error; // else another start was faster
  }
  for (const old of readdirSync(cache)) {
    const path = join(cache, old);
    if (path !== target && Date.now() - statSync(path).mtimeMs > 3_600_000) rmSync(path, { recursive: true, force: true });
  }
}

/** A mistake of ours: its stack trace names the sources, and not the bundle. */
process.on("uncaughtException", async (error) => {
  const { register } = await import("tsx/esm/api");
  register();
  const { sourceStack } = await import("./engine/positions.mts");
  process.stderr.write(`${sourceStack(String(error?.stack ?? error))}\n`);
  process.exit(1);
});

let entry = "";
if (playbook.startsWith(root) && !playbook.includes(`${sep}node_modules${sep}`) && existsSync(playbook)) {
  const target = join(cache, stamp());
  entry = join(target, basename(playbook).replace(/\.mts$/, ".mjs"));
  if (!existsSync(target)) {
    try {
      await bundle(target);
    } catch {
      entry = ""; // a folder that can't be written, or a mistake in a source: the loader below tells of it properly
    }
  }
}
if (!entry) {
  const { register } = await import("tsx/esm/api");
  register();
  entry = playbook;
}
await import(pathToFileURL(entry).href);
