import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { childEnvironment } from "../setup/child-environment.mjs";
import { CommandFailed } from "../terminal/command-errors.ts";
import { type Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { readModelInfo } from "../toolchain/model-info.ts";
import { places } from "../toolchain/places.ts";
import { runTool } from "../toolchain/run-tool.ts";

async function remakeModel(lifetime: Lifetime, weightsSha256: string | undefined): Promise<void> {
  const python = join(places.python, "bin", "python");
  const args = ["spark/make_model.py", "--output", places.model, "--force"];
  if (weightsSha256) args.push("--weights-sha256", weightsSha256);
  const { failed, output } = await runTool(lifetime, python, args, { env: childEnvironment("download") });
  if (failed) throw new CommandFailed(`The model could not be made:\n\n${output.split("\n").slice(-15).join("\n")}`);
  if (readModelInfo().weights === "seeded") process.stderr.write(`${output}\n`);
}

export const command = new Command("model")
  .description("make the model artifact when it is missing, and print its description")
  .option("--force", "make it again, for instance to get the real weights now that there is a network", false)
  .option("--weights-sha256 <hex>", "make it again, from ImageNet weights whose file has this digest only")
  .action(async ({ force, weightsSha256 }) => {
    // The setup has already made a missing model.
    if (force || weightsSha256) await withLifetime((lifetime) => remakeModel(lifetime, weightsSha256));
    process.stdout.write(`${readFileSync(join(places.model, "model.json"), "utf8").trimEnd()}\n`);
  });
