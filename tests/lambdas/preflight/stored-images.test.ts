import { execa } from "execa";
import { expect, test } from "vitest";
import type { StoredKey } from "../../../lambdas/preflight/store-sample.ts";
import { countStored } from "../../../lambdas/preflight/stored-images.ts";
import { createBucket, putObject } from "../fixtures.ts";
import { python, startMinistack } from "../ministack.ts";

const account = await startMinistack();
const bucket = await createBucket(account);

/** A file of the store as spark/orchard/store.py writes it. */
const write = `
import json, sys
import pyarrow as pa, pyarrow.parquet as pq
rows = json.loads(sys.argv[1])
table = pa.table({
    "path": [row[0] for row in rows],
    "etag": [row[1] for row in rows],
    "features": pa.array([[0.5] * 1280 if row[2] is None else None for row in rows], pa.list_(pa.float32())),
    "reason": pa.array([row[2] for row in rows], pa.string()),
})
pq.write_table(table, sys.stdout.buffer, use_dictionary=False)
`;

async function store(name: string, rows: readonly (readonly [string, string, string | null])[]): Promise<void> {
  const { stdout } = await execa(python, ["-c", write, JSON.stringify(rows)], { encoding: "buffer" });
  await putObject(account, bucket, `features-store/model=m/${name}.parquet`, stdout);
}

const input = "s3://data/raw/";
function image(path: string, etag: string): StoredKey {
  return { path: `${input}${path}`, etag };
}
function count(...images: StoredKey[]): Promise<number | null> {
  return countStored(account.s3, `s3://${bucket}/features-store/model=m/`, { images, buckets: 256 });
}

test("an empty store has nothing", async () => {
  expect(await count(image("Training/é/0.jpg", "1"))).toBe(0);
});

test("an image counts once, by path and etag, bad ones too", async () => {
  await store("one", [
    [`${input}Training/é/0.jpg`, "1", null],
    [`${input}Training/é/1.jpg`, "1", "no image"],
    [`${input}Training/é/2.jpg`, "old", null],
  ]);
  await store("two", [[`${input}Training/é/0.jpg`, "1", null]]);

  const images = ["0", "1", "2", "3"].map((name) => image(`Training/é/${name}.jpg`, "1"));
  expect(await count(...images)).toBe(2);
});
