import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { unzipEnd } from "../../shared/unzip-end.ts";

test("unzips at most the end of a text", async () => {
  const zipped = gzipSync(`${"x".repeat(10_000_000)}the end`);

  expect(zipped.length).toBeLessThan(20_000);
  expect(Buffer.from(await unzipEnd(zipped, 1_000)).toString()).toBe(`${"x".repeat(993)}the end`);
});

test("unzips what there is of a truncated file", async () => {
  const zipped = gzipSync("a line\n".repeat(10_000), { level: 0 });

  expect(Buffer.from(await unzipEnd(zipped.subarray(0, 60_000), 100_000)).toString()).toMatch(/^(a line\n){5000}/);
});
