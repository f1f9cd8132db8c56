import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { beforeEach, expect, it, vi } from "vitest";
import { deleteLocalFolders, findLocalFolders } from "../../../cli/cleaning/local-files.ts";
import { places } from "../../../cli/toolchain/places.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "orchard-local-files-"));
  vi.stubEnv("INIT_CWD", folder);
  return () => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  };
});

function write(path: string, text: string, writtenAt: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
  utimesSync(join(folder, path), new Date(writtenAt), new Date(writtenAt));
  utimesSync(dirname(join(folder, path)), new Date(writtenAt), new Date(writtenAt));
}

/** Finds the copies of results, without the CDK's output, which belongs to the developer. */
async function findCopies(before?: Date) {
  return (await findLocalFolders(before)).filter(({ path }) => !path.startsWith(places.assemblies));
}

it("finds copies of results, and neither other folders nor links", async () => {
  write("results/run-1/plan.json", "{}", "2026-01-01");
  write("results/run-1/pca/csv/a.csv", "abc", "2026-01-01");
  write("results/of my own/notes.txt", "x", "2026-01-01");
  symlinkSync(join(folder, "results", "run-1"), join(folder, "results", "linked"));

  expect(await findCopies()).toMatchObject([{ path: join(folder, "results", "run-1"), files: 2, bytes: 5 }]);
});

it("finds with an age only copies in which nothing was written since", async () => {
  write("results/run-1/plan.json", "{}", "2026-01-01");
  write("results/run-2/plan.json", "{}", "2026-01-01");
  write("results/run-2/logs/stderr.log", "x", "2026-01-03");

  expect(await findCopies(new Date("2026-01-02"))).toMatchObject([{ path: join(folder, "results", "run-1") }]);
});

it("deletes a folder with a link to another, which stays", async () => {
  write("elsewhere/kept.txt", "x", "2026-01-01");
  write("results/run-1/plan.json", "{}", "2026-01-01");
  symlinkSync(join(folder, "elsewhere"), join(folder, "results", "run-1", "linked"));

  await deleteLocalFolders(await findCopies());

  expect(existsSync(join(folder, "results", "run-1"))).toBe(false);
  expect(existsSync(join(folder, "elsewhere", "kept.txt"))).toBe(true);
});
