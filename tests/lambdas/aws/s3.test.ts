import { beforeEach, expect, test } from "vitest";
import { listFolder, listObjects } from "../../../lambdas/aws/s3.ts";
import { S3Double } from "../../doubles/s3.ts";

let s3: S3Double;
beforeEach(() => {
  s3 = new S3Double();
});

/** One more than a page of ListObjectsV2 has. */
const numbers = Array.from({ length: 1_001 }, (_, number) => String(number).padStart(4, "0"));

test("lists the objects of every page", async () => {
  for (const number of numbers) s3.write(`raw/${number}.jpg`, "x");

  const { objects } = await listFolder(s3.client, { bucket: "data", key: "raw/" });

  expect(objects.map(({ key }) => key)).toEqual(numbers.map((number) => `raw/${number}.jpg`));
  expect(await listObjects(s3.client, { bucket: "data", key: "raw/" })).toEqual(objects);
});

test("lists the folders of every page", async () => {
  for (const number of numbers) s3.write(`raw/${number}/1.jpg`, "x");

  expect(await listFolder(s3.client, { bucket: "data", key: "raw/" })).toEqual({ folders: numbers, objects: [] });
});

test("lists at most as many objects as asked for, over several pages", async () => {
  for (const number of numbers) s3.write(`raw/${number}.jpg`, "x");

  for (const limit of [0, 1, 999, 1_000, 1_001, 2_000]) {
    expect(await listObjects(s3.client, { bucket: "data", key: "raw/" }, limit)).toHaveLength(
      Math.min(limit, numbers.length),
    );
  }
});
