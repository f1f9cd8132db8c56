import { Command, Option } from "@commander-js/extra-typings";
import { byteTypes, resolveFromUser, runStep } from "../toolchain/local-spark.ts";

export const command = new Command("project")
  .description("apply a PCA that was fitted before to new features, on this machine")
  .requiredOption("--model <path>", "output of `reduce` or of a run: the folder (or s3:// prefix) that has model_info/")
  .requiredOption("--features <path>", "folder (or s3:// prefix) of Parquet files with path, label and features")
  .option("--column <name>", "the column of the features, by default features")
  .addOption(
    new Option("--dtype <type>", "the type of features that are the bytes of a NumPy array").choices(byteTypes),
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
