import { join } from "node:path";
import { execa } from "execa";
import { beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { type ReportFigures, reportFiguresSchema } from "../../../lambdas/contract/report-figures.ts";
import { python } from "../ministack.ts";

let written: readonly unknown[];
beforeAll(async () => {
  const { stdout } = await execa(python, [join(import.meta.dirname, "make_figures.py")]);
  written = z.array(z.unknown()).parse(JSON.parse(stdout));
});

function parse(index: number): ReportFigures {
  return reportFiguresSchema.parse(written[index]);
}

test("the figures that the Spark job writes have the schema's members and no others", () => {
  expect(written).toHaveLength(3);
  for (const index of written.keys()) expect(parse(index)).toEqual(written[index]);
});

test("names of any characters arrive unchanged", () => {
  const names = parse(0).labels.map(({ label }) => label);

  expect(names).toContain("line\nbreak\u2028\0");
  expect(names).toContain("</script><script>alert(1)</script>");
  expect(names).toContain("تفاح 🍏");
  expect(names).toContain("x".repeat(300));
});

test("two images of one label have no agreement, no silhouette and no thumbnails", () => {
  const { sample, thumbnails, duplicates, confusions } = parse(1);

  expect(sample).toMatchObject({ images: [0, 1], agreement: null, silhouette: null, neighbours: { columns: 1 } });
  expect({ thumbnails, exact: duplicates.exact, confusions }).toEqual({
    thumbnails: null,
    exact: null,
    confusions: [],
  });
});

test("numbers that need two bytes are little-endian", () => {
  const { images, labels } = parse(2);

  expect(images.labels).toMatchObject({ type: "uint16", columns: 1 });
  const numbers = Buffer.from(images.labels.base64, "base64");
  expect(labels[numbers.readUInt16LE(2 * 299)]).toEqual({ label: "label 299", images: 1 });
});
