// Builds a page of pages/ as one HTML file that loads nothing: its script and its styles are inline, and its Content
// Security Policy allows only these two, by their hashes.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { build, type Metafile, type Plugin } from "esbuild";
import { bundledFolders } from "./bundled-packages.ts";

const root = join(import.meta.dirname, "..");

/** Leaves out Zod's messages in other languages (260 kB); the English ones have another import path. */
export const withoutLocales: Plugin = {
  name: "without-locales",
  setup: ({ onLoad }) => {
    onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({ contents: "" }));
  },
};

export interface BuiltPage {
  readonly html: string;
  /** esbuild's list of the sources. */
  readonly metafile: Metafile;
}

function hashSource(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

function readLicense(folder: string): string {
  const name = readdirSync(folder).find((file) => /^license(\.\w+)?$/i.test(file));
  if (name === undefined) throw new Error(`${folder} has no license file, which a bundle must contain`);
  return readFileSync(join(folder, name), "utf8").trim();
}

/** The licenses of the bundled packages, which must accompany every copy. Most packages of D3 have the same license. */
function licenseComment(metafile: Metafile): string {
  const texts = bundledFolders(metafile).map((folder) => readLicense(join(root, folder)));
  return `<!--\n${[...new Set(texts)].join("\n\n")}\n-->`;
}

/**
 * @param name folder of the page in pages/, with index.html, main.ts and style.css
 * @throws Error if index.html lacks a place for the script, the styles, their hashes or the licenses, or a package has no
 *   license
 */
export async function buildPage(name: string): Promise<BuiltPage> {
  const folder = join(root, "pages", name);
  const { outputFiles, metafile } = await build({
    entryPoints: { script: join(folder, "main.ts"), style: join(folder, "style.css") },
    outdir: folder,
    write: false,
    // Paths in the metafile are relative to it.
    absWorkingDir: root,
    bundle: true,
    minify: true,
    charset: "utf8",
    format: "esm",
    platform: "browser",
    // The first browsers with light-dark() in CSS, which no transformation replaces: end of 2023 to May 2024.
    target: ["chrome123", "firefox120", "safari17.5"],
    // pages/tsconfig.json is for the types alone.
    tsconfigRaw: { compilerOptions: { jsx: "react-jsx", jsxImportSource: "preact" } },
    plugins: [withoutLocales],
    logLevel: "warning",
    metafile: true,
  });
  const textOf = (file: string) => outputFiles.find(({ path }) => path.endsWith(file))?.text.trim() ?? "";
  const script = textOf("script.js");
  const style = textOf("style.css");
  const replacements = {
    "'script-hash'": hashSource(script),
    "'style-hash'": hashSource(style),
    "<!-- licenses -->": licenseComment(metafile),
    '<link rel="stylesheet" href="style.css">': `<style>${style}</style>`,
    '<script type="module" src="main.ts"></script>': `<script type="module">${script}</script>`,
  };
  let html = readFileSync(join(folder, "index.html"), "utf8");
  for (const [place, text] of Object.entries(replacements)) {
    if (!html.includes(place)) throw new Error(`pages/${name}/index.html lacks ${place}`);
    html = html.replace(place, () => text);
  }
  return { html, metafile };
}
