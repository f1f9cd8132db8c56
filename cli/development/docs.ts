import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { references } from "../../docs/references.ts";
import { root } from "../toolchain/places.ts";

export const command = new Command("docs")
  .description("generate the reference documents from the schemas")
  .action(() => {
    for (const [path, render] of Object.entries(references)) {
      writeFileSync(join(root, path), render());
      process.stdout.write(`${path}\n`);
    }
  });
