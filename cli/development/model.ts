import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { childEnvironment } from "../setup/child-environment.mjs";
import { CommandFailed, UsageError } from "../terminal/command-errors.ts";
import { beginWork, type Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { readModelInfo } from "../toolchain/model-info.ts";
import { fromPerson, places } from "../toolchain/places.ts";
import { runTool } from "../toolchain/run-tool.ts";

interface ModelOptions {
  readonly output: string;
  readonly weights?: string | undefined;
  readonly weightsSha256?: string | undefined;
}

async function remakeModel(lifetime: Lifetime, { output: folder, weights, weightsSha256 }: ModelOptions) {
  const python = join(places.python, "bin", "python");
  const args = ["spark/make_model.py", "--output", folder, "--force"];
  if (weights) args.push("--weights", weights);
  if (weightsSha256) args.push("--weights-sha256", weightsSha256);
  const { failed, output } = await runTool(lifetime, python, args, { env: childEnvironment("download") });
  if (failed) throw new CommandFailed(`The model could not be made:\n\n${output.split("\n").slice(-15).join("\n")}`);
  if (readModelInfo(folder).weights === "seeded") process.stderr.write(`${output}\n`);
}

function existingFile(path: string): string {
  const file = fromPerson(path);
  if (statSync(file, { throwIfNoEntry: false })?.isFile()) return file;
  throw new UsageError(`--weights: given "${path}"; allowed: a file of Keras's weights, .h5 or .weights.h5`);
}

export const command = new Command("model")
  .description("make the model artifact when it is missing, and print its description")
  .option("--force", "make it again, for instance to get the real weights now that there is a network", false)
  .option("--weights <file>", "make it again, from this file of Keras's weights instead of the network")
  .option("--weights-sha256 <hex>", "make it again, from weights whose file has this digest only")
  .option("--output <folder>", "make it there, for the deployment's modelFile, instead of in .orchard/model")
  .action(async ({ force, weights, weightsSha256, output }) => {
    const file = weights === undefined ? undefined : existingFile(weights);
    const folder = output === undefined ? places.model : fromPerson(output);
    beginWork();
    // The setup has already made a missing model.
    if (force || file || weightsSha256 || output) {
      await withLifetime((lifetime) => remakeModel(lifetime, { output: folder, weights: file, weightsSha256 }));
    }
    process.stdout.write(`${readFileSync(join(folder, "model.json"), "utf8").trimEnd()}\n`);
  });
