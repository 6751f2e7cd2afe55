import { join } from "node:path";

/**
 * The generator as the text of one file that Node ≥ 20 runs without anything beside it: here, in its threads, and on other hosts.
 * Built anew each time (some tens of milliseconds), so that it is never an old one.
 */
export async function bundle(): Promise<string> {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, "program.mts")],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "node20",
    logLevel: "silent",
    // nats.js is CommonJS and asks for Node's own modules by require.
    banner: { js: `import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);` },
  });
  return outputFiles[0]!.text;
}
