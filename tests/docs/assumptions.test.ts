import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expectations } from "../../cli/check-aws/expectations.ts";
import { stages } from "../../cli/check-aws/observation.ts";
import { root } from "../../cli/toolchain/places.ts";

interface Row {
  readonly id: string;
  readonly place: string;
  readonly settled: string;
}

/** The rows of a table with ids, by the order of its columns. */
function rowsOf(markdown: string): readonly Row[] {
  return [...markdown.matchAll(/^\| (A\d+) \|(.*)\|$/gm)].map(([, id = "", rest = ""]) => {
    const [place = "", settled = ""] = rest.split(/(?<!\\)\|/).slice(-2);
    return { id, place: place.trim(), settled: settled.trim() };
  });
}

describe("docs/assumptions.md", () => {
  const page = readFileSync(join(root, "docs", "assumptions.md"), "utf8");
  const rows = rowsOf(page);
  const places = [...page.matchAll(/`([\w-]+(?:\/[\w.-]+)+\.\w+)`/g)].map(([, path = ""]) => path);

  it("numbers its rows", () => {
    expect(rows.length).toBeGreaterThan(20);
    expect(rows.map(({ id }) => id)).toEqual(rows.map((_, index) => `A${index + 1}`));
  });

  it.each([...new Set(places)])("names %s, which exists", (path) => {
    expect(existsSync(join(root, path))).toBe(true);
  });

  it.each(rows)("says where $id is and what settles it", ({ place, settled }) => {
    expect(place).toMatch(/`[^`]+`/);
    const named = settled.match(/^\(?(\w+)/)?.[1];
    expect(["no", ...stages]).toContain(named);
  });

  it("names for each row the stages whose answers check:aws compares", () => {
    // Two rows are compared outside of the table: clusters of runs at once, and the stacks.
    const compared = new Map([
      ["A14", new Set(["doubled"])],
      ["A15", new Set(["deploy", "destroy"])],
    ]);
    for (const { assumption, runs } of expectations) {
      compared.set(assumption, new Set([...(compared.get(assumption) ?? []), ...runs]));
    }
    for (const { id, settled } of rows) {
      const isCompared = stages.includes(settled.split(",")[0] as (typeof stages)[number]);
      expect({ id, isCompared }).toEqual({ id, isCompared: compared.has(id) });
      const named = isCompared ? settled.replace(/ with .*$/, "").split(", ") : [];
      expect([...(compared.get(id) ?? [])], id).toEqual(expect.arrayContaining(named));
    }
  });
});
