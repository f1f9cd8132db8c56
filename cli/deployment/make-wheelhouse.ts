import { dirname, join } from "node:path";
import type { Architecture } from "../../lambdas/catalog/architectures.ts";
import { childEnvironment } from "../setup/child-environment.mjs";
import { CommandFailed } from "../terminal/command-errors.ts";
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
 * @throws CommandFailed when the wheels cannot be downloaded
 */
export async function makeWheelhouse(lifetime: Lifetime, architecture: Architecture): Promise<Wheelhouse> {
  const folder = `${dirname(places.wheelhouse)}-${architecture}`;
  const python = join(places.python, "bin", "python");
  const args = ["bootstrap/wheelhouse.py", "--arch", architecture, "--output", folder];
  const { failed, output } = await runTool(lifetime, python, args, { env: childEnvironment("download") });
  if (failed) throw new CommandFailed(output.trimEnd());
  return { file: join(folder, "wheelhouse.tar"), sha256: output.trimEnd().split("\n").at(-1) ?? "" };
}
