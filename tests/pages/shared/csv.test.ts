import { parse } from "csv-parse/sync";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { toCsv } from "../../../pages/shared/csv.ts";

it("quotes texts, and leaves numbers and missing values as they are", () => {
  const csv = toCsv({
    name: "x",
    columns: ["label", "images"],
    rows: [
      ['a "b", c\nd', 1.5],
      ["", null],
      ["-5", -5],
    ],
  });

  expect(csv).toBe('"label","images"\r\n"a ""b"", c\nd",1.5\r\n"",\r\n"\'-5",-5\r\n');
});

it.each(["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])("makes the formula %j a text", (formula) => {
  const [, [cell] = []] = parse(toCsv({ name: "x", columns: ["label"], rows: [[formula]] }));

  expect(cell).toBe(`'${formula}`);
});

it("keeps every other text", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" }), { minLength: 1 }), (texts) => {
      const rows = texts.map((text) => [`.${text}`]);

      expect(parse(toCsv({ name: "x", columns: ["label"], rows })).slice(1)).toEqual(rows);
    }),
    { numRuns: 30 },
  );
});
