import { Command } from "@commander-js/extra-typings";
import { UsageError } from "../terminal/command-errors.ts";
import { groups } from "../terminal/command-groups.ts";
import { addFeaturesOptions } from "../toolchain/features-options.ts";
import { resolveFromUser, runStep } from "../toolchain/local-spark.ts";

export const command = addFeaturesOptions(
  new Command("reduce")
    .helpGroup(groups.laptop)
    .summary("compute the PCA of a folder of features")
    .description("the PCA of a folder of features alone, on this machine: no cluster, no account"),
)
  .requiredOption("--output <path>", "folder (or s3:// prefix) for pca/ and model_info/")
  .option("--components <k>", "how many components")
  .option("--variance <v>", "as few components as keep this share of the variance")
  .action(({ features, output, column, dtype, components, variance }) => {
    if ((components === undefined) === (variance === undefined)) {
      throw new UsageError("One of --components and --variance is needed, for instance --components 50.");
    }
    if (components !== undefined && !/^[1-9]\d*$/.test(components)) {
      throw new UsageError(`--components must be a whole number of 1 or more, not "${components}".`);
    }
    if (variance !== undefined && !(Number(variance) > 0 && Number(variance) <= 1)) {
      throw new UsageError(`--variance must be a number above 0 and at most 1, not "${variance}".`);
    }
    return runStep("reduction", {
      features: resolveFromUser(features),
      output: resolveFromUser(output),
      column,
      dtype,
      components,
      variance,
    });
  });
