import { dirname, join } from "node:path";
import type { Architecture } from "../../lambdas/catalog/architectures.ts";
import type { Precision } from "../../lambdas/contract/choices.ts";
import { childEnvironment } from "../setup/child-environment.mjs";
import { CommandFailed, UsageError } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { places } from "../toolchain/places.ts";
import { runTool } from "../toolchain/run-tool.ts";

export interface Wheelhouse {
  readonly file: string;
  /** Hexadecimal. */
  readonly sha256: string;
}

/**
 * Collects the wheels for a cluster's nodes in one archive, unless it is up to date.
 *
 * @param architecture the nodes' processor architecture
 * @param precision float32 for the wheels of all runs, bf16 for those that runs in bf16 have in addition
 * @throws UsageError for bf16 on another architecture than x86_64; CommandFailed when the wheels cannot be downloaded
 */
export async function makeWheelhouse(
  lifetime: Lifetime,
  architecture: Architecture,
  precision: Precision = "float32",
): Promise<Wheelhouse> {
  if (precision === "bf16" && architecture !== "x86_64") {
    throw new UsageError(`The nodes cannot compute in bf16 on ${architecture}. Allowed: --arch x86_64`);
  }
  const file =
    precision === "bf16"
      ? places.bf16Wheelhouse
      : join(`${dirname(places.wheelhouse)}-${architecture}`, "wheelhouse.tar");
  const lock = precision === "bf16" ? "bootstrap/requirements-bf16.txt" : "bootstrap/requirements.txt";
  const python = join(places.python, "bin", "python");
  const args = ["bootstrap/wheelhouse.py", "--arch", architecture, "--requirements", lock, "--output", dirname(file)];
  const { failed, output } = await runTool(lifetime, python, args, { env: childEnvironment("download") });
  if (failed) throw new CommandFailed(output.trimEnd());
  return { file, sha256: output.trimEnd().split("\n").at(-1) ?? "" };
}
