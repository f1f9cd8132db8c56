import type { S3Client } from "@aws-sdk/client-s3";
import { beforeEach, expect, test } from "vitest";
import { firstPage, listObjects, listPages, type S3Page } from "../../../lambdas/aws/s3.ts";
import { S3Double } from "../../doubles/s3.ts";

let s3: S3Double;
beforeEach(() => {
  s3 = new S3Double();
});

/** One more than a page of ListObjectsV2 has. */
const numbers = Array.from({ length: 1_001 }, (_, number) => String(number).padStart(4, "0"));

const raw = { bucket: "data", key: "raw/" };

async function pagesOf(client: S3Client): Promise<readonly S3Page[]> {
  const pages: S3Page[] = [];
  for await (const page of listPages(client, raw, { isFlat: true })) pages.push(page);
  return pages;
}

test("lists the objects of every page", async () => {
  for (const number of numbers) s3.write(`raw/${number}.jpg`, "x");

  const pages = await pagesOf(s3.client);

  const objects = pages.flatMap((page) => page.objects);
  expect(pages.map(({ isLast }) => isLast)).toEqual([false, true]);
  expect(objects.map(({ key }) => key)).toEqual(numbers.map((number) => `raw/${number}.jpg`));
  expect(await listObjects(s3.client, raw)).toEqual(objects);
});

test("lists a page of some size after a key", async () => {
  for (const number of numbers) s3.write(`raw/${number}.jpg`, "x");

  const page = await firstPage(s3.client, raw, { after: "raw/0500.jpg", keysPerPage: 2 });

  expect(page).toMatchObject({ objects: [{ key: "raw/0501.jpg" }, { key: "raw/0502.jpg" }], isLast: false });
});

test("lists the folders of every page", async () => {
  for (const number of numbers) s3.write(`raw/${number}/1.jpg`, "x");

  const pages = await pagesOf(s3.client);

  expect(pages.flatMap(({ folders }) => folders)).toEqual(numbers);
  expect(pages.flatMap(({ objects }) => objects)).toEqual([]);
});

test("lists at most as many objects as asked for, over several pages", async () => {
  for (const number of numbers) s3.write(`raw/${number}.jpg`, "x");

  for (const limit of [0, 1, 999, 1_000, 1_001, 2_000]) {
    expect(await listObjects(s3.client, { bucket: "data", key: "raw/" }, limit)).toHaveLength(
      Math.min(limit, numbers.length),
    );
  }
});
