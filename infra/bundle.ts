// Bundles every handler of lambdas/ for Lambda: `node infra/bundle.ts <folder>` writes <folder>/<name>/index.mjs.
// A process of its own, because esbuild's plugins are asynchronous and a synthesis is not.
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build, type Plugin } from "esbuild";

const lambdas = join(import.meta.dirname, "..", "lambdas");

/**
 * The SDK's tables of shapes have constants as computed keys, `{[_xN]: "m"}`, which esbuild has to take for a call of
 * toString: it kept all 750 operations of EC2, 550 kB, for the three that are used. With the constants' values in their
 * place the unused tables go.
 */
const pureSchemas: Plugin = {
  name: "pure-schemas",
  setup: ({ onLoad }) => {
    onLoad({ filter: /@aws-sdk\/.*\/schemas\/schemas_\d+\.js$/ }, ({ path }) => {
      const source = readFileSync(path, "utf8");
      const values = new Map(
        [...source.matchAll(/^const (\w+) = ("[^"]*");$/gm)].map(([, name, value]) => [name, value]),
      );
      return { contents: source.replaceAll(/\[(\w+)\]:/g, (key, name: string) => `${values.get(name) ?? key}:`) };
    });
  },
};

/** Zod's messages in all languages, 260 kB; the English ones are imported by another path. */
const withoutLocales: Plugin = {
  name: "without-locales",
  setup: ({ onLoad }) => {
    onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({ contents: "" }));
  },
};

const [outdir = ""] = process.argv.slice(2);
const names = readdirSync(lambdas).filter((name) => name.endsWith(".ts"));
await build({
  entryPoints: names.map((name) => ({ in: join(lambdas, name), out: join(basename(name, ".ts"), "index") })),
  outdir,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  minify: true,
  // Readable names in a stack trace, and errors whose class names the state machine catches.
  keepNames: true,
  format: "esm",
  platform: "node",
  target: "node24",
  // The SDK travels along: one version, tested, whatever the runtime brings. Its ES modules are smaller, and free of
  // require(), which an ES module bundle cannot call.
  mainFields: ["module", "main"],
  plugins: [pureSchemas, withoutLocales],
  logLevel: "warning",
});
