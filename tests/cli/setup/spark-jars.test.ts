import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { verifyJars } from "../../../cli/setup/spark-jars.mjs";

function sha256(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}

describe("verifyJars", () => {
  const lock = { file: "the.lock", text: `${sha256("one")}  a-1.jar\n${sha256("two")}  b-2.jar\n` };
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "orchard-jars-"));
    writeFileSync(join(folder, "a-1.jar"), "one");
    writeFileSync(join(folder, "b-2.jar"), "two");
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it("accepts the locked jars", () => {
    expect(() => verifyJars(folder, lock)).not.toThrow();
  });

  it("names a jar with another content, with both digests", () => {
    writeFileSync(join(folder, "b-2.jar"), "tampered");
    expect(() => verifyJars(folder, lock)).toThrow(
      `b-2.jar has the sha256 ${sha256("tampered")}, expected ${sha256("two")}`,
    );
  });

  it("names a jar that is missing", () => {
    rmSync(join(folder, "a-1.jar"));
    expect(() => verifyJars(folder, lock)).toThrow("a-1.jar is missing");
  });

  it("names a jar that was not locked", () => {
    writeFileSync(join(folder, "c-3.jar"), "three");
    expect(() => verifyJars(folder, lock)).toThrow("c-3.jar is not in the lock file");
  });
});
