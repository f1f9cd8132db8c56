import { gzipSync } from "node:zlib";
import { execa } from "execa";
import { beforeEach, expect, test } from "vitest";
import { listImages } from "../../../lambdas/preflight/list-images.ts";
import { countInInventory } from "../../../lambdas/preflight/s3-inventory.ts";
import { S3Double } from "../../doubles/s3.ts";
import { python } from "../ministack.ts";

let s3: S3Double;
beforeEach(() => {
  s3 = new S3Double();
});

const inventory = { bucket: "data", key: "s3-inventory/data/daily/" };
const keys = ["data/raw/Training/A b/1.jpg", "data/raw/Training/é/2.jpg", "data/raw/Training/é/2.txt"];

/** Writes an inventory as S3 does: https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html */
function writeManifest(
  date: string,
  fileFormat: string,
  files: Readonly<Record<string, Uint8Array>>,
  changes = {},
): void {
  const fileSchema = "Bucket, Key, Size, LastModifiedDate, ETag, StorageClass";
  s3.writeJson(`${inventory.key}${date}/manifest.json`, {
    sourceBucket: "data",
    destinationBucket: "arn:aws:s3:::data",
    version: "2016-11-30",
    creationTimestamp: "1514944800000",
    fileFormat,
    fileSchema,
    files: Object.entries(files).map(([key, content]) => ({ key, size: content.length, MD5checksum: "0" })),
    ...changes,
  });
  for (const [key, content] of Object.entries(files)) s3.write(key, content);
}

function csvOf(of: readonly string[]): Uint8Array {
  const encode = (key: string): string => encodeURIComponent(key).replaceAll("%2F", "/").replaceAll("%20", "+");
  return gzipSync(of.map((key) => `"data","${encode(key)}","1","2026-01-01T00:00:00.000Z","e","STANDARD"\n`).join(""));
}

async function parquetOf(of: readonly string[]): Promise<Uint8Array> {
  const code =
    "import json, sys, pyarrow as pa, pyarrow.parquet as pq; keys = json.loads(sys.argv[1]); " +
    "pq.write_table(pa.table({'bucket': ['data'] * len(keys), 'key': keys}), sys.stdout.buffer, row_group_size=2)";
  return (await execa(python, ["-c", code, JSON.stringify(of)], { encoding: "buffer" })).stdout;
}

function count(isWanted: (key: string) => boolean = () => true): Promise<number | undefined> {
  return countInInventory(s3.client, inventory, "data", isWanted);
}

test.each<[string, (of: readonly string[]) => Uint8Array | Promise<Uint8Array>]>([
  ["CSV", csvOf],
  ["Parquet", parquetOf],
])("counts the keys of all files of an inventory in %s", async (format, contentOf) => {
  writeManifest("2026-11-28T01-00Z", format, {
    "i/1": await contentOf(keys),
    "i/2": await contentOf(["data/raw/Training/é/3.jpg"]),
  });

  expect(await count()).toBe(4);
  expect(await count((key) => key.includes("/é/"))).toBe(3);
});

test("takes the latest inventory that is complete", async () => {
  writeManifest("2026-11-27T01-00Z", "CSV", { "i/1": csvOf(keys) });
  writeManifest("2026-11-28T01-00Z", "CSV", { "i/2": csvOf(keys.slice(1)) });
  s3.write(`${inventory.key}2026-11-29T01-00Z/manifest.checksum`, "");
  s3.write(`${inventory.key}data/x.csv.gz`, "");

  expect(await count()).toBe(2);
});

test("without an inventory, or with another bucket's, nothing is known", async () => {
  expect(await count()).toBeUndefined();
  writeManifest("2026-11-28T01-00Z", "CSV", {}, { sourceBucket: "other" });

  expect(await count()).toBeUndefined();
});

test("of many keys, those that are not listed are counted by the inventory: images of the selected labels and splits", async () => {
  const images = Array.from({ length: 50 }, (_, number) => `data/raw/Training/é/${number}.jpg`);
  for (const key of images) s3.write(key, "x");
  s3.write("data/raw/Test/é/1.jpg", "x");
  const others = [
    "data/raw/Training/A/1.jpg",
    "data/raw/Test/é/1.jpg",
    "data/raw/Training/é/x.txt",
    "data/other/é/1.jpg",
  ];
  writeManifest("2026-11-28T01-00Z", "CSV", { "i/1": csvOf([...images, ...others]) });
  const request = {
    layout: null,
    splits: ["Training"],
    defaultSplit: null,
    selectionRule: { labelPrefix: null, label: "é", limit: null },
    maxKeys: 1,
    countKeys: count,
  };
  let listed = 0;
  s3.keysPerPage = 10;

  const { unlisted } = await listImages(s3.client, "s3://data/data/raw/", request, () => {
    listed += 1;
  });

  expect(listed).toBe(10);
  expect(unlisted).toBe(40);
});
