import { mkdtemp, readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { countStored, storeKey } from "../../../lambdas/preflight/stored-images.ts";
import keys from "../../store-keys.json" with { type: "json" };
import { createBucket, putObject } from "../fixtures.ts";
import { python, startMinistack } from "../ministack.ts";

const account = await startMinistack();
const bucket = await createBucket(account);

type Row = readonly [path: string, etag: string, reason: string | null];

interface Store {
  readonly files: Readonly<Record<string, readonly Row[]>>;
  /** The files of each record. */
  readonly indexed?: readonly (readonly string[])[];
  readonly record?: Readonly<Record<string, unknown>>;
}

function image(number: number, etag = "1") {
  return { path: `s3://data/raw/Training/é/${number}.jpg`, etag };
}
function row(number: number, etag = "1", reason: string | null = null): Row {
  return [image(number, etag).path, etag, reason];
}
function some(count: number): number[] {
  return Array.from({ length: count }, (_, number) => number);
}

const time = "2026-01-01T00:00:00+00:00";
const files = { "one.parquet": [row(0), row(1)], "two.parquet": [row(2)], "three.parquet": [row(3), row(0)] };
const stores = {
  today: { files: { "one.parquet": [row(0), row(1, "1", "no image"), row(2, "old")], "two.parquet": [row(0)] } },
  indexed: { files, indexed: [["one.parquet"], ["two.parquet"]] },
  damaged: { files, indexed: [["one.parquet"]] },
  moved: {
    files: { "one.parquet": [row(0), row(1)], "large.parquet": [row(2), row(0), row(1)] },
    indexed: [["one.parquet"]],
    record: { moved: { "one.parquet": ["large.parquet", 1, time] } },
  },
  expired: {
    files,
    indexed: [["one.parquet", "two.parquet"]],
    record: { expired: { "one.parquet": time, "three.parquet": time } },
  },
  large: {
    files: { "one.parquet": some(30_000).map((number) => row(number, "1", "no image")) },
    indexed: [["one.parquet"]],
  },
  unindexed: { files },
} satisfies Record<string, Store>;

/** Writes the stores with the job's own code. */
async function makeStores(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "stores-"));
  await execa(python, [join(import.meta.dirname, "make_store.py"), folder], { input: JSON.stringify(stores) });
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const key = path.slice(folder.length + 1);
    const isLost = key.startsWith("damaged/_index/") && key.endsWith(".parquet");
    if (entry.isFile() && !isLost) await putObject(account, bucket, `features-store/${key}`, await readFile(path));
  }
}
await makeStores();

function count(store: keyof typeof stores, ...images: ReturnType<typeof image>[]): Promise<number | null> {
  return countStored(account.s3, `s3://${bucket}/features-store/${store}/`, { images, buckets: 256 });
}

test.each(keys)("$path has the key that the Spark job gives it", ({ path, etag, key }) => {
  expect(storeKey({ path, etag })).toBe(key);
});

test("an empty store has nothing", async () => {
  expect(
    await countStored(account.s3, `s3://${bucket}/features-store/empty/`, { images: [image(0)], buckets: 256 }),
  ).toBe(0);
});

test("without an index, an image counts once, by path and etag, bad ones too", async () => {
  expect(await count("today", image(0), image(1), image(2), image(3))).toBe(2);
});

const five = some(5).map((number) => image(number));

test("images count once, whether records cover them or not", async () => {
  expect(await count("indexed", ...five)).toBe(4);
  expect(await count("indexed", image(1), image(1, "changed"))).toBe(1);
});

test("a record without its keys covers nothing", async () => {
  expect(await count("damaged", ...five)).toBe(4);
});

test("images in moved files count, and those in expired files do not", async () => {
  expect(await count("moved", ...five)).toBe(2);
  expect(await count("expired", ...five)).toBe(1);
});

/** Bytes that are read in ranges while something runs. */
async function measureReads(run: () => Promise<unknown>): Promise<number> {
  let bytes = 0;
  account.s3.middlewareStack.add(
    (next) => (args) => {
      const [, start, end] = /(\d+)-(\d+)/.exec("Range" in args.input ? String(args.input.Range) : "") ?? [];
      if (start !== undefined && end !== undefined) bytes += 1 + Number(end) - Number(start);
      return next(args);
    },
    { step: "initialize", name: "ranges" },
  );
  await run();
  account.s3.middlewareStack.remove("ranges");
  return bytes;
}

test("only the parts of the index that may have an image are read", async () => {
  const every = some(30_000).map((number) => image(number));

  const few = await measureReads(async () => expect(await count("large", image(7), image(40_000))).toBe(1));
  const all = await measureReads(async () => expect(await count("large", ...every)).toBe(30_000));

  expect(few).toBeLessThan(all);
});

test("of a large index, a share is read, and the rest extrapolated", async () => {
  const store = `s3://${bucket}/features-store/large/`;
  const images = some(40_000).map((number) => image(number));

  const found = await countStored(account.s3, store, { images, buckets: 256 }, { files: 10, rows: 10_000 });

  expect(found).toBeGreaterThan(29_000);
  expect(found).toBeLessThan(31_000);
});

test("a store with too many files outside the index is not read through", async () => {
  const store = `s3://${bucket}/features-store/unindexed/`;
  expect(await countStored(account.s3, store, { images: five, buckets: 256 }, { files: 2, rows: 10_000 })).toBe(null);
});
