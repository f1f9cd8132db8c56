import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeExecutionInput } from "../../cli/execution/execution-input.ts";
import { configFromContext } from "../../infra/config/config.ts";
import { NotText, readTextFile } from "../../shared/read-text-file.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "orchard-text-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(...parts: readonly (Buffer | string)[]): string {
  const path = join(folder, "input.json");
  writeFileSync(path, Buffer.concat(parts.map((part) => Buffer.from(part))));
  return path;
}

const encodings = {
  "UTF-8": (text: string) => Buffer.from(text, "utf8"),
  "UTF-8 with a byte order mark": (text: string) => Buffer.from(`\ufeff${text}`, "utf8"),
  "UTF-16LE with a byte order mark": (text: string) => Buffer.from(`\ufeff${text}`, "utf16le"),
  "UTF-16BE with a byte order mark": (text: string) => Buffer.from(`\ufeff${text}`, "utf16le").swap16(),
};

describe("a text file", () => {
  it.each(Object.entries(encodings))("in %s is read as it was written", (_, encode) => {
    const text = fc.string({ unit: "grapheme" }).filter((written) => !/[\0\ufeff]/.test(written));
    fc.assert(fc.property(text, (written) => readTextFile(file(encode(written))) === written));
  });

  it.each([
    ["UTF-16 without a mark", Buffer.from('{"mode":"mini"}', "utf16le"), /zero bytes/],
    ["Latin-1", Buffer.from('{"label":"P\u00eache"}', "latin1"), /not valid UTF-8/],
    ["half a UTF-16 character", Buffer.from([0xff, 0xfe, 0x7b, 0x00, 0x00, 0xd8]), /not valid UTF-16LE/],
  ])("in %s is refused with the reason", (_, bytes, reason) => {
    expect(() => readTextFile(file(bytes))).toThrow(NotText);
    expect(() => readTextFile(file(bytes))).toThrow(reason);
  });
});

describe("--config", () => {
  it.each(Object.entries(encodings))("reads %s", (_, encode) => {
    expect(configFromContext({ config: file(encode('{"maxCostUsd":3}')) })).toMatchObject({ maxCostUsd: 3 });
  });
});

describe("--input", () => {
  it.each(Object.entries(encodings))("reads %s", (_, encode) => {
    expect(makeExecutionInput({ input: file(encode('{"mode":"mini"}')) })).toEqual({ mode: "mini" });
  });

  it("names the file and the reason when its encoding is another one", () => {
    const path = file(Buffer.from('{"mode":"mini"}', "utf16le"));

    expect(() => makeExecutionInput({ input: path })).toThrow(
      `The input file ${path} cannot be read: it has zero bytes`,
    );
  });
});
