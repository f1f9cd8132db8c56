import fc from "fast-check";
import { expect, test } from "vitest";
import { listFiles } from "../../../lambdas/results/list-files.ts";
import { S3Double } from "../../doubles/s3.ts";

test("of many files, an even sample is kept", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(2_500), fc.integer({ min: 1, max: 50 }), async (count, most) => {
      const s3 = new S3Double();
      for (let number = 0; number < count; number += 1) {
        s3.write(`run/pca/${String(number).padStart(5, "0")}.parquet`, "abc");
        s3.write(`run/pca/${String(number).padStart(5, "0")}.crc`, "");
      }

      const { files, bytes, sample } = await listFiles(
        s3.client,
        { bucket: "data", key: "run/pca/" },
        ".parquet",
        most,
      );

      expect([files, bytes]).toEqual([count, 3 * count]);
      expect(sample.length).toBeLessThanOrEqual(most);
      expect(sample.length).toBeGreaterThanOrEqual(Math.min(count, Math.ceil(most / 2)));
      const numbers = sample.map(({ key }) => Number(/\d+/.exec(key)));
      const steps = new Set(numbers.slice(1).map((number, index) => number - (numbers[index] ?? 0)));
      expect(steps.size).toBeLessThanOrEqual(1);
    }),
    { numRuns: 20 },
  );
});
