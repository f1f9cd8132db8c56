import { expect, test } from "vitest";
import { defaultFormats, defaultReusedFeatures } from "../../../lambdas/contract/choices.ts";
import { withoutCsvWarnings } from "../../../lambdas/planning/selection-warnings.ts";

test("a run of very many images writes no CSV files by default, and says so", () => {
  const counts = { labels: 131, bytes: 0 };

  expect(defaultFormats(200_000)).toEqual(["parquet", "csv"]);
  expect(withoutCsvWarnings({ ...counts, images: 200_000 })).toEqual([]);
  expect(defaultFormats(200_001)).toEqual(["parquet"]);
  expect(withoutCsvWarnings({ ...counts, images: 10_000_000, estimated: true })).toEqual([
    'No CSV files are written, because those of about 10,000,000 images would take 131 GB. "formats": ["parquet", "csv"] asks for them',
  ]);
});

test("a run refers to very many reused images by default, unless it writes CSV files", () => {
  expect(defaultReusedFeatures(200_000, ["parquet"])).toBe("copy");
  expect(defaultReusedFeatures(200_001, ["parquet"])).toBe("reference");
  expect(defaultReusedFeatures(200_001, ["parquet", "csv"])).toBe("copy");
});
