import { describe, expect, it } from "vitest";
import { labelColours, type Rgb } from "../../../pages/report/scatter/palette.ts";

/** Relative luminance, as https://www.w3.org/TR/WCAG22/#dfn-relative-luminance defines it. */
function luminance(colour: Rgb): number {
  const [red = 0, green = 0, blue = 0] = colour
    .map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: Rgb, other: Rgb): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** --paper of tokens.css. */
const grounds: Readonly<Record<"light" | "dark", Rgb>> = { light: [255, 255, 255], dark: [27, 30, 26] };

describe.each(["light", "dark"] as const)("the colours of labels in the %s theme", (theme) => {
  it.each([1, 2, 8, 12, 131, 2_000])("stand out from the ground with %i labels", (count) => {
    const ratios = labelColours(count, theme).map((colour) => contrast(colour, grounds[theme]));

    expect(ratios).toHaveLength(count);
    expect(Math.min(...ratios)).toBeGreaterThanOrEqual(3);
  });

  it.each([2, 8, 12, 131])("differ among %i labels", (count) => {
    expect(new Set(labelColours(count, theme).map(String)).size).toBe(count);
  });
});
