import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { sha256 } from "../../../lambdas/aws/s3.ts";
import { decoderVersion } from "../../../lambdas/contract/decoder.ts";

const root = join(import.meta.dirname, "..", "..", "..");
function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

// Features that earlier runs have left are used as long as the number is the same. When this fails: raise the number if
// the same image may have other features now, and then, or else at once, put the new hash here.
test("the decoder has a number of its own for each way to compute features", () => {
  const libraries = read("bootstrap/requirements.txt").match(/^(numpy|pillow|ai-edge-litert)==\S+/gm) ?? [];
  const sources = ["spark/orchard/model/images.py", "spark/orchard/model/litert.py"].map(read);

  expect({ [decoderVersion]: sha256([...libraries, ...sources].join("\n")).slice(0, 12) }).toEqual({
    1: "48ea4a9354ca",
  });
});
