import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { decoderVersion } from "../../lambdas/shared/decoder.ts";
import { sha256 } from "../../lambdas/shared/s3.ts";

const root = join(import.meta.dirname, "..", "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

// Features that earlier runs have left are used as long as the number is the same. When this fails: raise the number if
// the same image may have other features now, and then, or else at once, put the new hash here.
test("the decoder has a number of its own for each way to compute features", () => {
  const libraries = read("bootstrap/requirements.txt").match(/^(numpy|pillow|ai-edge-litert)==\S+/gm) ?? [];
  const sources = ["spark/orchard/images.py", "spark/orchard/litert.py"].map(read);

  expect({ [decoderVersion]: sha256([...libraries, ...sources].join("\n")).slice(0, 12) }).toEqual({
    1: "48ea4a9354ca",
  });
});
