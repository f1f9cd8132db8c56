import { mkdirSync, mkdtempSync, readdirSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { removeOldCode } from "../../../local/lambda/function-code.ts";

test("unpacked code is removed after a month", () => {
  const folder = join(mkdtempSync(join(tmpdir(), "code-")), "lambda");
  removeOldCode(folder);
  for (const [name, days] of [["old", 31] as const, ["new", 29] as const]) {
    mkdirSync(join(folder, name, "code"), { recursive: true });
    const seconds = Date.now() / 1000 - days * 24 * 3600;
    utimesSync(join(folder, name), seconds, seconds);
  }

  removeOldCode(folder);

  expect(readdirSync(folder)).toEqual(["new"]);
});
