// Bundles every handler of lambdas/ for Lambda: `node infra/bundle.ts <folder>` writes <folder>/<name>/index.mjs.
// A second argument is a file for esbuild's metafile, which lists the bundled sources.
// It is a process of its own because esbuild's plugins are asynchronous and CDK's synthesis is synchronous.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build, type Plugin } from "esbuild";
import { buildPage, withoutLocales } from "./pages.ts";

const root = join(import.meta.dirname, "..");
const lambdas = join(root, "lambdas");

/**
 * Replaces the computed keys of the SDK's schemas, `{[_xN]: "m"}`, by their constants' values. A computed key could
 * have side effects, so esbuild would keep all 750 operations of EC2 (550 kB) for the three in use.
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

const [outdir = "", metafile] = process.argv.slice(2);
const names = readdirSync(lambdas).filter((name) => name.endsWith(".ts"));
const result = await build({
  entryPoints: names.map((name) => ({ in: join(lambdas, name), out: join(basename(name, ".ts"), "index") })),
  outdir,
  // Paths in the metafile are relative to it.
  absWorkingDir: root,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  minify: true,
  // For readable stack traces, and for the error names that the state machine catches.
  keepNames: true,
  format: "esm",
  platform: "node",
  target: "node24",
  // The bundle includes the tested version of the SDK instead of using the runtime's. Prefer its ES modules: they are
  // smaller and have no require(), which an ES module bundle cannot call.
  mainFields: ["module", "main"],
  plugins: [pureSchemas, withoutLocales],
  logLevel: "warning",
  metafile: true,
});
// WriteReport fills this page with the data of a run.
const report = await buildPage("report");
mkdirSync(join(outdir, "write-report"), { recursive: true });
writeFileSync(join(outdir, "write-report", "report-template.html"), report.html);

const inputs = { ...result.metafile.inputs, ...report.metafile.inputs };
const foreign = Object.keys(inputs).filter(
  (input) => !/^(lambdas|shared|pages\/(report|shared))\/|(^|\/)node_modules\//.test(input),
);
if (foreign.length > 0) throw new Error(`A handler imports what bundles.ts does not watch: ${foreign.join(", ")}`);
const outputs = { ...result.metafile.outputs, ...report.metafile.outputs };
if (metafile) writeFileSync(metafile, JSON.stringify({ inputs, outputs }));
