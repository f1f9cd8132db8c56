import { randomUUID } from "node:crypto";
import { toSpdx } from "./license-check.ts";
import type { ShippedPackage } from "./shipped-packages.ts";

/** https://github.com/package-url/purl-spec: a scope's @ is encoded, and PyPI's names are lower case with hyphens. */
function packageUrl({ ecosystem, name, version }: ShippedPackage): string {
  const encoded = ecosystem === "npm" ? name.replace(/^@/, "%40") : name.toLowerCase().replaceAll("_", "-");
  return `pkg:${ecosystem}/${encoded}@${encodeURIComponent(version)}`;
}

function licenses(shipped: ShippedPackage): object {
  const expression = toSpdx(shipped);
  if (expression) return { licenses: [{ expression }] };
  return shipped.license ? { licenses: [{ license: { name: shipped.license } }] } : {};
}

/** The bill of materials of the shipped packages, in CycloneDX 1.5: https://cyclonedx.org/docs/1.5/json/ */
export function billOfMaterials(packages: readonly ShippedPackage[], version: string): object {
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    serialNumber: `urn:uuid:${randomUUID()}`,
    version: 1,
    metadata: {
      timestamp: new Date().toISOString(),
      component: { type: "application", "bom-ref": "orchard", name: "orchard", version },
    },
    components: packages.map((shipped) => ({
      type: "library",
      "bom-ref": packageUrl(shipped),
      name: shipped.name,
      version: shipped.version,
      purl: packageUrl(shipped),
      ...licenses(shipped),
    })),
  };
}
