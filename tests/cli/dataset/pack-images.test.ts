import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { packManifest } from "../../../lambdas/contract/image-tree.ts";
import { runInProcess } from "../terminal/in-process.ts";

const folder = mkdtempSync(join(tmpdir(), "orchard-pack-"));
afterAll(() => rmSync(folder, { recursive: true }));

function writeFiles(...paths: readonly string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), path);
  }
}

test("a tree becomes a pack, which is not replaced without --force", async () => {
  writeFiles("tree/A/1.jpg", "tree/A/2.jpg", "tree/B/3.jpg", "tree/B/notes.txt");
  const [tree, target] = [join(folder, "tree"), join(folder, "packed")];

  const { stdout } = await runInProcess("pack", tree, target, "--json");
  const again = await runInProcess("pack", tree, target);
  const replaced = await runInProcess("pack", tree, target, "--force");

  expect(JSON.parse(stdout)).toMatchObject({ target, layout: "label", images: 3, shards: [{ rows: 3 }] });
  expect(existsSync(join(target, packManifest))).toBe(true);
  expect(again).toMatchObject({ exitCode: 1, stderr: `${target} is a pack already. --force replaces it` });
  expect(replaced.stdout).toMatch(
    /^Left out: 1 file.*\n3 images \(36 B\) in 1 file \([\d.]+ kB\) in .*packed, read back/,
  );
});

test("a folder that is no tree is refused before anything is written", async () => {
  writeFiles("flat/1.jpg");

  const { exitCode, stderr } = await runInProcess("pack", join(folder, "flat"), join(folder, "none"));

  expect(exitCode).toBe(2);
  expect(stderr).toContain("has no image at <split>/<label>/<image>");
  expect(existsSync(join(folder, "none"))).toBe(false);
});
