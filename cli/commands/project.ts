import { Command } from "@commander-js/extra-typings";
import { groups } from "../terminal/command-groups.ts";
import { addFeaturesOptions } from "../toolchain/features-options.ts";
import { resolveFromUser, runStep } from "../toolchain/local-spark.ts";

export const command = addFeaturesOptions(
  new Command("project")
    .helpGroup(groups.laptop)
    .summary("apply a fitted PCA to new features")
    .description("apply a PCA that was fitted before to new features, on this machine")
    .requiredOption(
      "--model <path>",
      "output of `reduce` or of a run: the folder (or s3:// prefix) that has model_info/",
    ),
)
  .requiredOption("--output <path>", "folder (or s3:// prefix) for pca/")
  .action(({ model, features, output, column, dtype }) =>
    runStep("projection", {
      model: resolveFromUser(model),
      features: resolveFromUser(features),
      output: resolveFromUser(output),
      column,
      dtype,
    }),
  );
