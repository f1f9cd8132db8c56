import satisfies from "spdx-satisfies";
import type { ShippedPackage } from "./shipped-packages.ts";

/**
 * Licenses of packages that an Apache-2.0 project may ship unmodified: categories A and B of
 * https://www.apache.org/legal/resolved.html
 */
const allowed = [
  ...["0BSD", "Apache-2.0", "BlueOak-1.0.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "HPND", "ISC", "MIT", "MIT-0"],
  ...["MIT-CMU", "MPL-2.0", "PSF-2.0", "Python-2.0", "Unlicense", "Zlib"],
];

/**
 * Maps license names that wheels declare to SPDX identifiers. A library that guesses would mistake npm's UNLICENSED
 * (proprietary) for the Unlicense.
 */
const otherNames: Readonly<Record<string, string>> = {
  "3-Clause BSD License": "BSD-3-Clause",
  "Apache 2.0": "Apache-2.0",
  "Apache License 2.0": "Apache-2.0",
  "Apache Software License": "Apache-2.0",
  "MIT License": "MIT",
};

/** Licenses of packages whose metadata do not name them. */
const declaredElsewhere: Readonly<Record<string, string>> = {
  // "Dual License"; its LICENSE file has the terms.
  "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
};

/** The SPDX expression of a declared license; undefined if it is not known. */
export function toSpdx({ name, license }: Pick<ShippedPackage, "name" | "license">): string | undefined {
  const declared = declaredElsewhere[name] ?? otherNames[license] ?? license;
  return isExpression(declared) ? declared : undefined;
}

/** Whether a text is an SPDX expression. spdx-satisfies has no test for it, but throws an error if it is not. */
function isExpression(text: string): boolean {
  try {
    satisfies(text, allowed);
    return true;
  } catch {
    return false;
  }
}

/** Lists the packages that must not be shipped, one a line. A choice of licenses with OR needs only one that is allowed. */
export function findProblems(packages: readonly ShippedPackage[]): readonly string[] {
  return packages.flatMap((shipped) => {
    const expression = toSpdx(shipped);
    if (expression && satisfies(expression, allowed)) return [];
    const reason = expression ?? `unknown license "${shipped.license}"`;
    return [`${shipped.ecosystem} ${shipped.name} ${shipped.version}: ${reason}`];
  });
}
