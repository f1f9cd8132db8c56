import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { sha256 } from "../../../lambdas/aws/s3.ts";
import { decoderVersion } from "../../../lambdas/contract/decoder.ts";

const root = join(import.meta.dirname, "..", "..", "..");
function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

// Runs reuse stored features as long as the number is the same. If this test fails, raise the number if an image may now
// have other features, and record the new hash here in any case.
test("a change of the decoder or its libraries changes the recorded hash", () => {
  const locks = ["requirements.txt", "requirements-bf16.txt"].map((lock) => read(`bootstrap/${lock}`)).join("\n");
  const libraries = locks.match(/^(numpy|pillow|ai-edge-litert|openvino)==\S+/gm) ?? [];
  const folder = "spark/orchard/model";
  const files = readdirSync(join(root, folder)).filter((file) => file.endsWith(".py"));
  const sources = files.toSorted().map((file) => read(join(folder, file)));

  expect({ [decoderVersion]: sha256([...libraries, ...sources].join("\n")).slice(0, 12) }).toEqual({
    2: "ec16258b28af",
  });
});
