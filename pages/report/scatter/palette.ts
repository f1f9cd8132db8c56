/** A colour as red, green and blue from 0 to 255. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** Converts OKLCH to sRGB, by the matrices of https://bottosson.github.io/posts/oklab/. */
function fromOklch(lightness: number, chroma: number, hue: number): Rgb | undefined {
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  if (linear.some((value) => value < 0 || value > 1)) return undefined;
  const [red = 0, green = 0, blue = 0] = linear.map((value) =>
    Math.round(255 * (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055)),
  );
  return [red, green, blue];
}

/** The most vivid colour of this lightness and hue that a screen can show, up to a chroma that does not glare. */
function vivid(lightness: number, hue: number): Rgb {
  for (let chroma = 0.17; chroma > 0; chroma -= 0.005) {
    const colour = fromOklch(lightness, chroma, hue);
    if (colour) return colour;
  }
  return [128, 128, 128];
}

const goldenAngle = 137.508;
/** At least 3:1 on the ground of the theme, as WCAG 1.4.11 wants for graphics. */
const lightnesses = { light: [0.58, 0.47, 0.64], dark: [0.72, 0.82, 0.62] };

/**
 * A colour for each label, in OKLCH. Up to 12 labels have hues at equal distances. More labels cannot all differ: hues go
 * around by the golden angle with three lightnesses in turn, so that neighbours in the alphabet look most different.
 */
export function labelColours(count: number, theme: "light" | "dark"): readonly Rgb[] {
  const tiers = lightnesses[theme];
  return Array.from({ length: count }, (_, index) => {
    const hue = 30 + (count <= 12 ? (360 * index) / count : goldenAngle * index);
    const tier = count <= 12 ? index % 2 : index % 3;
    return vivid(tiers[tier] ?? 0.6, hue % 360);
  });
}

export function cssColour([red, green, blue]: Rgb): string {
  return `rgb(${red} ${green} ${blue})`;
}

/** Reads a colour that getComputedStyle has resolved to rgb(). */
export function parseRgb(text: string): Rgb {
  const [red = 0, green = 0, blue = 0] = (text.match(/[\d.]+/g) ?? []).map(Number);
  return [red, green, blue];
}
