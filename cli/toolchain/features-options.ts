// The options of `reduce` and `project` that describe stored features.
import { type Command, Option, type OptionValues } from "@commander-js/extra-typings";

/** NumPy's names of the types that features in a binary column can have, as in spark/orchard/io/columns.py. */
export const byteTypes = [
  ...["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"],
] as const;

/** Adds the options to a command. */
export function addFeaturesOptions<Options extends OptionValues>(command: Command<[], Options>) {
  return command
    .requiredOption("--features <path>", "folder (or s3:// prefix) of Parquet files with path, label and features")
    .option("--column <name>", "the column of the features, by default features")
    .addOption(
      new Option("--dtype <type>", "the type of features that are the bytes of a NumPy array").choices(byteTypes),
    );
}
