import { Command } from "@commander-js/extra-typings";
import { resolveFromUser, runStep } from "../toolchain/local-spark.ts";

export const command = new Command("project")
  .description("apply a PCA that was fitted before to new features, on this machine")
  .requiredOption("--model <path>", "output of `reduce` or of a run: the folder (or s3:// prefix) that has model_info/")
  .requiredOption("--features <path>", "folder (or s3:// prefix) of Parquet files with path, label and features")
  .requiredOption("--output <path>", "folder (or s3:// prefix) for pca/")
  .action(({ model, features, output }) =>
    runStep("projection", {
      model: resolveFromUser(model),
      features: resolveFromUser(features),
      output: resolveFromUser(output),
    }),
  );
