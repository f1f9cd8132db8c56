import { describe, expect, it } from "vitest";
import { z } from "zod";
import { billOfMaterials } from "../../../cli/toolchain/bill-of-materials.ts";
import { findProblems } from "../../../cli/toolchain/license-check.ts";
import { shippedPackages, unshippedNpmPackages } from "../../../cli/toolchain/shipped-packages.ts";
import { bundledFolders } from "../../../infra/bundled-packages.ts";

function packageWith(license: string, name = "a") {
  return { ecosystem: "npm", name, version: "1.0.0", license } as const;
}

/** Checks the parts of CycloneDX 1.5 that the bill of materials uses. */
const bomSchema = z.object({
  bomFormat: z.literal("CycloneDX"),
  specVersion: z.literal("1.5"),
  serialNumber: z.string().regex(/^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
  version: z.literal(1),
  metadata: z.object({ timestamp: z.iso.datetime(), component: z.object({ type: z.literal("application") }) }),
  components: z.array(
    z.strictObject({
      type: z.literal("library"),
      "bom-ref": z.string(),
      name: z.string().min(1),
      version: z.string().min(1),
      purl: z.string().regex(/^pkg:(npm|pypi)\/(%40[^/@]+\/)?[^/@]+@[^@]+$/),
      licenses: z.tuple([z.strictObject({ expression: z.string().min(1) })]),
    }),
  ),
});

describe("the license check", () => {
  it.each([
    "MIT",
    "Apache 2.0",
    "Apache Software License",
    "3-Clause BSD License",
    "MIT OR GPL-3.0-or-later",
    "MPL-2.0 AND MIT",
  ])("allows %s", (license) => {
    expect(findProblems([packageWith(license)])).toEqual([]);
  });

  it.each([
    "GPL-3.0-only",
    "AGPL-3.0-or-later",
    "LGPL-3.0-or-later",
    "GNU Affero General Public License v3",
    "MIT AND GPL-2.0-only",
    "MIT AND SSPL-1.0",
    "",
    "SEE LICENSE IN LICENSE.txt",
    "Dual License",
    "UNLICENSED",
  ])("refuses %s", (license) => {
    expect(findProblems([packageWith("MIT", "b"), packageWith(license)])).toHaveLength(1);
  });

  it("names the package, its version and the reason", () => {
    expect(findProblems([packageWith(""), packageWith("AGPL-3.0-only", "@b/c")])).toEqual([
      'npm a 1.0.0: unknown license ""',
      "npm @b/c 1.0.0: AGPL-3.0-only",
    ]);
  });
});

describe("the shipped packages", () => {
  const shipped = shippedPackages();
  const names = shipped.map(({ name }) => name);

  it("are found by the folders in esbuild's metafile, nested and scoped ones too", () => {
    const inputs = { "lambdas/a.ts": {}, "node_modules/@b/c/x.js": {}, "node_modules/d/node_modules/e/y.js": {} };
    expect(bundledFolders({ outputs: { "index.mjs": { inputs } } })).toEqual([
      "node_modules/@b/c",
      "node_modules/d/node_modules/e",
    ]);
  });

  it("are those of the functions and the nodes, and all may be shipped", () => {
    expect(names).toEqual(expect.arrayContaining(["zod", "@aws-sdk/client-emr", "numpy", "pyarrow", "ai-edge-litert"]));
    expect(findProblems(shipped)).toEqual([]);
  });

  it("are neither the AGPL checker of IAM policies nor the image library of the command line", () => {
    const others = unshippedNpmPackages(shipped).map(({ name }) => name);
    for (const name of ["@cloud-copilot/iam-simulate", "sharp", "aws-cdk-lib"]) {
      expect(names).not.toContain(name);
      expect(others).toContain(name);
    }
  });

  it("are the components of the bill of materials, each once", () => {
    const { components } = bomSchema.parse(JSON.parse(JSON.stringify(billOfMaterials(shipped, "0.1.0"))));
    expect(components.map(({ name }) => name)).toEqual(names);
    expect(new Set(components.map((component) => component["bom-ref"])).size).toBe(components.length);
    expect(components.map(({ purl }) => purl)).toContainEqual(
      expect.stringMatching(/^pkg:npm\/%40aws-sdk\/client-emr@/),
    );
  });
});
