import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { childEnvironment } from "../setup/child-environment.mjs";
import { CommandFailed } from "../terminal/command-errors.ts";
import { type Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { readModelInfo } from "../toolchain/model-info.ts";
import { places } from "../toolchain/places.ts";
import { runTool } from "../toolchain/run-tool.ts";

async function remakeModel(lifetime: Lifetime): Promise<void> {
  const python = join(places.python, "bin", "python");
  const args = ["spark/make_model.py", "--output", places.model, "--force"];
  const { failed, output } = await runTool(lifetime, python, args, { env: childEnvironment("download") });
  if (failed) throw new CommandFailed(`The model could not be made:\n\n${output.split("\n").slice(-15).join("\n")}`);
  if (readModelInfo().weights === "seeded") process.stderr.write(`${output}\n`);
}

export const command = new Command("model")
  .description("make the model artifact when it is missing, and print its description")
  .option("--force", "make it again, for instance to get the real weights now that there is a network", false)
  .action(async ({ force }) => {
    // The setup has already made a missing model.
    if (force) await withLifetime(remakeModel);
    process.stdout.write(`${readFileSync(join(places.model, "model.json"), "utf8").trimEnd()}\n`);
  });
