import { relative } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import { architectures } from "../../lambdas/catalog/architectures.ts";
import { precisions } from "../../lambdas/contract/choices.ts";
import { makeWheelhouse } from "../deployment/make-wheelhouse.ts";
import { withLifetime } from "../terminal/lifetime.ts";
import { root } from "../toolchain/places.ts";

export const command = new Command("wheelhouse")
  .description("gather the wheels of a cluster's nodes into one archive, and print where it is and its sha256")
  .addOption(
    new Option("--arch <architecture>", "the nodes' processor").choices(architectures).default("x86_64" as const),
  )
  .addOption(
    new Option(
      "--precision <precision>",
      "float32: the wheels of all runs; bf16: those that runs in bf16 need in addition",
    )
      .choices(precisions)
      .default("float32" as const),
  )
  .action(({ arch, precision }) =>
    withLifetime(async (lifetime) => {
      const { file, sha256 } = await makeWheelhouse(lifetime, arch, precision);
      process.stdout.write(
        `${JSON.stringify({ file: relative(root, file), architecture: arch, precision, sha256 })}\n`,
      );
    }),
  );
