import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readJson, writeJson } from "../../../local/support/json-file.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "orchard-json-"));
  file = join(folder, "record.json");
});

afterEach(() => rmSync(folder, { recursive: true }));

test("a record is read as it was written", () => {
  writeJson(file, { Id: "j-1", name: "é" });

  expect(readJson(file, "Id", fail)).toEqual({ Id: "j-1", name: "é" });
  expect(readdirSync(folder)).toEqual(["record.json"]);
});

test("a full disk leaves the earlier record as it was", () => {
  writeJson(file, { Id: "j-1" });
  symlinkSync("/dev/full", `${file}.new`);

  expect(() => writeJson(file, { Id: "j-2" })).toThrow("ENOSPC");

  expect(readJson(file, "Id", fail)).toEqual({ Id: "j-1" });
});

test.each(["", "\0\0\0\0", '{"Id": "j-', "null", "[]", "{}", '{"Id": 1}'])(
  "the unreadable record %j is left out, named, and kept as a copy",
  (text) => {
    const logged: string[] = [];
    writeFileSync(file, text);

    const record = readJson<{ readonly Id: string }>(file, "Id", (line) => logged.push(line));

    expect(record).toBeUndefined();
    expect(logged).toEqual([expect.stringContaining(`${file} cannot be read`)]);
    expect(readdirSync(folder)).toEqual(["record.json.unreadable"]);
    expect(readFileSync(`${file}.unreadable`, "utf8")).toBe(text);
  },
);

function fail(line: string): never {
  throw new Error(line);
}
