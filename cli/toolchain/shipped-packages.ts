// Finds the packages that a deployment ships: npm packages bundled into the functions, and wheels for the nodes. EMR
// provides Spark and its jars itself; the local JRE, jars and development tools stay on the machine that deploys.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { bundledFolders } from "../../infra/bundled-packages.ts";
import { places, root } from "./places.ts";

const packageSchema = z.object({ name: z.string(), version: z.string(), license: z.string().default("") });

export interface ShippedPackage {
  readonly ecosystem: "npm" | "pypi";
  readonly name: string;
  readonly version: string;
  /** As the package declares it; empty if it declares none. */
  readonly license: string;
}

function bundledPackages(): readonly ShippedPackage[] {
  const folder = mkdtempSync(join(tmpdir(), "orchard-bundle-"));
  try {
    const metafile = join(folder, "meta.json");
    execFileSync(process.execPath, ["infra/bundle.ts", folder, metafile], { cwd: root });
    return bundledFolders(JSON.parse(readFileSync(metafile, "utf8"))).map((path) => ({
      ecosystem: "npm",
      ...packageSchema.parse(JSON.parse(readFileSync(join(root, path, "package.json"), "utf8"))),
    }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function wheelsOf(wheelhouse: string): readonly ShippedPackage[] {
  const python = join(places.python, "bin", "python");
  const output = execFileSync(python, ["cli/toolchain/wheel_licenses.py", wheelhouse], {
    cwd: root,
    encoding: "utf8",
  });
  return z
    .array(packageSchema)
    .parse(JSON.parse(output))
    .map((wheel) => ({ ecosystem: "pypi", ...wheel }));
}

/** Bundles the functions and reads the wheelhouses: that of bf16 only if somebody has made it to deploy it. */
export function shippedPackages(): readonly ShippedPackage[] {
  const wheelhouses = [places.wheelhouse, ...(existsSync(places.bf16Wheelhouse) ? [places.bf16Wheelhouse] : [])];
  return [...bundledPackages(), ...wheelhouses.flatMap(wheelsOf)];
}

const lockSchema = z.object({
  packages: z.record(z.string(), z.object({ version: z.string().default(""), license: z.string().default("") })),
});

/** The npm packages of the lock file that are not bundled: the command line and the development tools. */
export function unshippedNpmPackages(shipped: readonly ShippedPackage[]): readonly ShippedPackage[] {
  const names = new Set(shipped.map(({ name, version }) => `${name}@${version}`));
  const { packages } = lockSchema.parse(JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")));
  return Object.entries(packages)
    .filter(([path]) => path !== "")
    .map(([path, entry]) => ({
      ecosystem: "npm" as const,
      name: path.replace(/^.*node_modules\//, ""),
      version: entry.version,
      license: entry.license,
    }))
    .filter(({ name, version }) => !names.has(`${name}@${version}`));
}
