import { dirname, join, relative } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import { CommandFailed } from "../errors.ts";
import { withLifetime } from "../lifetime.ts";
import { places, root } from "../places.ts";
import { runTool } from "../tools.ts";

export const wheelhouse = new Command("wheelhouse")
  .description("gather the wheels of a cluster's nodes into one archive, and print where it is and its sha256")
  .addOption(
    new Option("--arch <architecture>", "the nodes' processor")
      .choices(["x86_64", "arm64"] as const)
      .default("x86_64" as const),
  )
  .action(({ arch }) =>
    withLifetime(async (lifetime) => {
      const folder = `${dirname(places.wheelhouse)}-${arch}`;
      const python = join(places.python, "bin", "python");
      const { failed, output } = await runTool(lifetime, python, [
        "bootstrap/wheelhouse.py",
        "--arch",
        arch,
        "--output",
        folder,
      ]);
      if (failed) throw new CommandFailed(output.trimEnd());
      const sha256 = output.trimEnd().split("\n").at(-1) ?? "";
      process.stdout.write(
        `${JSON.stringify({ file: join(relative(root, folder), "wheelhouse.tar"), architecture: arch, sha256 })}\n`,
      );
    }),
  );
