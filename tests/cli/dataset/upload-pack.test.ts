import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, it, vi } from "vitest";
import { readDataset } from "../../../cli/dataset/image-tree.ts";
import { planImagesUpload, planPackUpload } from "../../../cli/dataset/planned-upload.ts";
import { examinePlace, requireSpace, uploadPack } from "../../../cli/dataset/upload-pack.ts";
import { Lifetime } from "../../../cli/terminal/lifetime.ts";
import { packManifest } from "../../../lambdas/contract/image-tree.ts";
import { S3Double } from "../../doubles/s3.ts";

const root = mkdtempSync(join(tmpdir(), "orchard-upload-pack-"));
const temporary = join(root, "temporary");
mkdirSync(temporary);
afterAll(() => rmSync(root, { recursive: true }));
beforeEach(() => {
  vi.stubEnv("TMPDIR", temporary);
});
afterEach(() => {
  vi.unstubAllEnvs();
  expect(readdirSync(temporary), "the temporary files are removed").toEqual([]);
});

const reporter = { status: () => undefined, line: () => undefined, title: () => undefined };
const isThere = (key: string) => key.slice("data/raw/".length);

/** Writes images of 1 kB, so that a file of the pack has about 4 of them. */
function writeTree(name: string, count: number, first = 0): string {
  const folder = join(root, name);
  for (let n = first; n < first + count; n += 1) {
    const path = join(folder, "Training", `Apple ${n % 3}`, `${n}.jpg`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${n} `.repeat(500));
  }
  return folder;
}

async function upload(s3: S3Double, folder: string, { remove = false, signal = new Lifetime({ notice: null }) } = {}) {
  const to = { clients: { s3: s3.client } as never, deployment: { bucket: "data", inputPrefix: "data/raw/" } };
  const dataset = await readDataset(folder, { command: "orchard upload" });
  const place = await examinePlace(to);
  const seen: number[] = [];
  try {
    return await uploadPack(signal, to, { dataset, place, remove, shardBytes: 4_000 }, reporter, (n) => seen.push(n));
  } finally {
    await signal.close();
  }
}

const sentKeys = (s3: S3Double) => s3.puts.splice(0).map(({ Key = "" }) => isThere(Key));

it("uploads pack.json last, and the second time nothing", async () => {
  const s3 = new S3Double();
  const folder = writeTree("tree", 20);

  const { packed, files } = await upload(s3, folder);

  const first = sentKeys(s3);
  expect(first.at(-1)).toBe(packManifest);
  expect(packed).toMatchObject({ images: 20, layout: "split/label" });
  expect(packed.shards.length).toBeGreaterThan(2);
  // Two files are sent at the same time.
  expect(first.toSorted()).toEqual([packManifest, ...packed.shards.map(({ name }) => name)]);
  expect(JSON.parse(s3.readText(`data/raw/${packManifest}`)).shards).toEqual(
    packed.shards.map((shard) => expect.objectContaining(shard)),
  );
  expect(files.every(({ isNew }) => isNew)).toBe(true);
  const again = await upload(s3, folder);
  expect(sentKeys(s3)).toEqual([]);
  expect(again.files.some(({ isNew }) => isNew)).toBe(false);
});

it("leaves no pack.json when it fails, and goes on with the files that are not there", async () => {
  const s3 = new S3Double();
  const folder = writeTree("failing", 20);
  let left = 2;
  s3.beforePut = () => {
    left -= 1;
    if (left < 0) throw new Error("the network is down");
  };

  await expect(upload(s3, folder)).rejects.toThrow("the network is down");
  const there = [...s3.objects.keys()].map(isThere);
  s3.beforePut = undefined;
  sentKeys(s3);
  const { packed } = await upload(s3, folder);

  expect(there).toHaveLength(2);
  expect(sentKeys(s3).toSorted()).toEqual([
    packManifest,
    ...packed.shards.map(({ name }) => name).filter((name) => !there.includes(name)),
  ]);
});

it("withdraws the earlier pack before its first file changes, and removes the files that the new one does not have", async () => {
  const s3 = new S3Double();
  await upload(s3, writeTree("more", 20));
  s3.beforePut = (key) => {
    if (key.includes("shards/")) expect(s3.objects.has(`data/raw/${packManifest}`)).toBe(false);
  };

  const { packed, removed } = await upload(s3, writeTree("fewer", 8, 100));

  expect([...s3.objects.keys()].map(isThere).sort()).toEqual(
    [packManifest, ...packed.shards.map(({ name }) => name)].sort(),
  );
  expect(removed.length).toBeGreaterThan(0);
});

it("refuses to leave images unused, and removes them once the pack is there", async () => {
  const s3 = new S3Double();
  const to = { clients: { s3: s3.client } as never, deployment: { bucket: "data", inputPrefix: "data/raw/" } };
  const folder = writeTree("beside", 4);
  const dataset = await readDataset(folder, { command: "orchard upload" });
  s3.write("data/raw/Training/Kiwi/1.jpg", "x");

  await expect(planPackUpload(to, { dataset, remove: false }, reporter)).rejects.toThrow(
    /has 1 single image, such as "Training\/Kiwi\/1\.jpg"\. .* Add --delete .* or leave out --pack/,
  );
  s3.beforePut = () => expect(s3.objects.has("data/raw/Training/Kiwi/1.jpg")).toBe(true);
  await upload(s3, folder, { remove: true });

  expect(s3.objects.has("data/raw/Training/Kiwi/1.jpg")).toBe(false);
  s3.beforePut = undefined;
  await expect(planImagesUpload(to, { dataset, remove: false }, reporter)).rejects.toThrow(
    /has a pack, which runs use alone: .* Add --pack .* or --delete/,
  );
});

it("finds a file that was changed in the bucket meanwhile", async () => {
  const s3 = new S3Double();
  s3.beforePut = (key) => {
    if (!key.endsWith("00000.parquet")) s3.etags.set("data/raw/shards/00000.parquet", "other");
  };

  await expect(upload(s3, writeTree("changed", 20))).rejects.toThrow(
    /1 of \d+ files of the pack are not in s3:\/\/data\/data\/raw\/, or not with the size and content .* "shards\/00000\.parquet"/,
  );
  expect(s3.objects.has(`data/raw/${packManifest}`)).toBe(false);
});

it("refuses a tree of which the pack would lack images", async () => {
  const s3 = new S3Double();
  const folder = writeTree("linked", 4);
  symlinkSync(join(root, "tree", "Training", "Apple 0"), join(folder, "Training", "Apple 9"));

  await expect(upload(s3, folder)).rejects.toThrow(/would have only 4 of the 11 images: .* folders that are links/);
  expect(s3.objects.size).toBe(0);
});

it("names the room that it needs", async () => {
  await requireSpace(temporary, 1);
  await expect(requireSpace(temporary, 1e18)).rejects.toThrow(
    /^Packing needs 1 EB .* left\. Free some, or set TMPDIR to a folder with more\.$/,
  );
});
