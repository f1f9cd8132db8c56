import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execaSync } from "execa";
import { beforeEach, describe, expect, it } from "vitest";
import { root } from "../../infra/bundles.ts";
import { temporaryFolder } from "./fixtures.ts";

let project = "";

beforeEach(() => {
  project = temporaryFolder();
  const sources = ["bundle.ts", "bundles.ts", "pages.ts", "bundled-packages.ts"].map((name) => `infra/${name}`);
  for (const file of [
    ...sources,
    "pages/report/index.html",
    "pages/shared",
    "shared",
    "package.json",
    "package-lock.json",
  ]) {
    cpSync(join(root, file), join(project, file), { recursive: true });
  }
  for (const name of ["main.ts", "style.css"]) writeFileSync(join(project, "pages", "report", name), "");
  symlinkSync(join(root, "node_modules"), join(project, "node_modules"));
  mkdirSync(join(project, "lambdas"));
  writeHandler("export const answer = 41;");
});

function writeHandler(source: string): void {
  writeFileSync(join(project, "lambdas", "one.ts"), source);
}

/** Bundles in a process of its own, as a synthesis does, and returns the handler's bundle. */
function bundle(): string {
  const code = `const { bundleFolder } = await import("${join(project, "infra", "bundles.ts")}");
    const { readFileSync } = await import("node:fs");
    process.stdout.write(readFileSync(bundleFolder() + "/one/index.mjs"));`;
  const { stdout, stderr, failed } = execaSync(process.execPath, ["--input-type=module", "--eval", code], {
    reject: false,
  });
  if (failed) throw new Error(stderr);
  return stdout;
}

function cached(): readonly string[] {
  return readdirSync(join(project, ".orchard", "bundles"));
}

describe("the bundles of the handlers", () => {
  it("are reused by the next process", () => {
    bundle();
    const [folder = ""] = cached();
    const file = join(project, ".orchard", "bundles", folder, "one", "index.mjs");
    writeFileSync(file, `${readFileSync(file, "utf8")}// from the cache`);

    expect(bundle()).toContain("// from the cache");
  });

  it("are made again when a source changes", () => {
    bundle();
    writeHandler("export const answer = 42;");

    expect(bundle()).toContain("42");
    expect(cached()).toHaveLength(2);
  });

  it("may only import what the cache watches", () => {
    writeFileSync(join(project, "elsewhere.ts"), "export const answer = 43;");
    writeHandler('export { answer } from "../elsewhere.ts";');

    expect(bundle).toThrow("A handler imports what bundles.ts does not watch: elsewhere.ts");
    expect(cached()).toEqual([]);
  });
});
