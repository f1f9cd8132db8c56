import { dirname, join } from "node:path";
import { CommandFailed } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { places } from "../toolchain/places.ts";
import { runTool } from "../toolchain/run-tool.ts";

export const architectures = ["x86_64", "arm64"] as const;

export interface Wheelhouse {
  readonly file: string;
  /** Hexadecimal. */
  readonly sha256: string;
}

/**
 * Gathers the wheels of a cluster's nodes into one archive, unless it is there and up to date.
 *
 * @param architecture the nodes' processor
 * @throws CommandFailed when they cannot be downloaded
 */
export async function makeWheelhouse(
  lifetime: Lifetime,
  architecture: (typeof architectures)[number],
): Promise<Wheelhouse> {
  const folder = `${dirname(places.wheelhouse)}-${architecture}`;
  const python = join(places.python, "bin", "python");
  const args = ["bootstrap/wheelhouse.py", "--arch", architecture, "--output", folder];
  const { failed, output } = await runTool(lifetime, python, args);
  if (failed) throw new CommandFailed(output.trimEnd());
  return { file: join(folder, "wheelhouse.tar"), sha256: output.trimEnd().split("\n").at(-1) ?? "" };
}
