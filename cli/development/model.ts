import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { childEnvironment } from "../setup/child-environment.mjs";
import { CommandFailed, UsageError } from "../terminal/command-errors.ts";
import { beginWork, type Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { readModelInfo } from "../toolchain/model-info.ts";
import { fromPerson, places } from "../toolchain/places.ts";
import { runTool } from "../toolchain/run-tool.ts";

/** The options of spark/make_model.py that a person has given, by their names there. */
type Options = Readonly<Record<string, string | undefined>>;

async function remakeModel(lifetime: Lifetime, folder: string, options: Options) {
  const python = join(places.python, "bin", "python");
  const args = ["spark/make_model.py", "--output", folder, "--force"];
  for (const [name, value] of Object.entries(options)) if (value !== undefined) args.push(`--${name}`, value);
  const { failed, output } = await runTool(lifetime, python, args, { env: childEnvironment("download") });
  if (failed) throw new CommandFailed(`The model could not be made:\n\n${output.split("\n").slice(-15).join("\n")}`);
  if (readModelInfo(folder).weights === "seeded") process.stderr.write(`${output}\n`);
}

function existingFile(option: string, path: string | undefined, allowed: string): string | undefined {
  if (path === undefined) return undefined;
  const file = fromPerson(path);
  if (statSync(file, { throwIfNoEntry: false })?.isFile()) return file;
  throw new UsageError(`${option}: given "${path}"; allowed: ${allowed}`);
}

/** Options that only a model of Keras has, or only a model from a file. */
function checkTogether({ file, preprocess, name, weights, weightsSha256 }: Options): void {
  const ofKeras = { "--name": name, "--weights": weights, "--weights-sha256": weightsSha256 };
  for (const [option, value] of Object.entries(ofKeras)) {
    if (file && value) throw new UsageError(`${option}: not allowed with --file, whose model is ready to run`);
  }
  if (file && !preprocess)
    throw new UsageError("--preprocess is missing; allowed with --file: tf, torch, caffe or none");
  if (preprocess && !file)
    throw new UsageError("--preprocess: allowed with --file only; Keras's models have their own");
}

export const command = new Command("model")
  .description("make the model artifact when it is missing, and print its description")
  .option("--force", "make it again, for instance to get the real weights now that there is a network", false)
  .option("--name <name>", "make another model of keras.applications, such as EfficientNetB0")
  .option("--file <file>", "take a model that is ready to run, .tflite, instead of one of Keras")
  .option("--input-size <pixels>", "make it for images of this width and height")
  .option("--preprocess <name>", "how the file's model wants its pixels: tf, torch, caffe or none")
  .option("--weights <file>", "make it again, from this file of Keras's weights instead of the network")
  .option("--weights-sha256 <hex>", "make it again, from weights whose file has this digest only")
  .option("--output <folder>", "make it there, for the deployment's modelFile, instead of in .orchard/model")
  .action(async ({ force, output, ...given }) => {
    checkTogether(given);
    const { name, inputSize, preprocess, weightsSha256 } = given;
    const options = {
      name,
      file: existingFile("--file", given.file, "a model that is ready to run, .tflite"),
      "input-size": inputSize,
      preprocess,
      weights: existingFile("--weights", given.weights, "a file of Keras's weights, .h5 or .weights.h5"),
      "weights-sha256": weightsSha256,
    };
    const folder = output === undefined ? places.model : fromPerson(output);
    beginWork();
    // The setup has already made a missing model.
    if (force || output || Object.values(options).some((value) => value !== undefined)) {
      await withLifetime((lifetime) => remakeModel(lifetime, folder, options));
    }
    process.stdout.write(`${readFileSync(join(folder, "model.json"), "utf8").trimEnd()}\n`);
  });
