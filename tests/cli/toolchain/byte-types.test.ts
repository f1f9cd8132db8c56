import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { byteTypes } from "../../../cli/toolchain/features-options.ts";
import { root } from "../../../cli/toolchain/places.ts";

test("--dtype takes the types that the Spark job reads", () => {
  const source = readFileSync(join(root, "spark", "orchard", "io", "columns.py"), "utf8");
  const [, list = ""] = /^DTYPES = \(([^)]*)\)/m.exec(source) ?? [];

  expect(byteTypes).toEqual(list.match(/\w+/g));
});
