import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { z } from "zod";
import { beginWork } from "../terminal/lifetime.ts";
import { billOfMaterials } from "../toolchain/bill-of-materials.ts";
import { root } from "../toolchain/places.ts";
import { shippedPackages } from "../toolchain/shipped-packages.ts";

const manifestSchema = z.object({ version: z.string() });

export const command = new Command("sbom")
  .description("write a software bill of materials (CycloneDX 1.5) of all packages that are shipped")
  .option("--output <file>", "the file to write", "sbom.cdx.json")
  .action(({ output }) => {
    beginWork();
    const { version } = manifestSchema.parse(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));
    writeFileSync(output, `${JSON.stringify(billOfMaterials(shippedPackages(), version), null, 2)}\n`);
    process.stdout.write(`${output}\n`);
  });
