import { Command } from "@commander-js/extra-typings";
import { CommandFailed } from "../terminal/command-errors.ts";
import { withLifetime } from "../terminal/lifetime.ts";
import { mutatePython } from "../toolchain/mutate-python.ts";
import { mutateTypeScript } from "../toolchain/mutate-typescript.ts";
import { decidingPaths, findTargets } from "../toolchain/mutation-targets.ts";

export const command = new Command("test-mutation")
  .description("change the code in small ways, and list the changes that no test notices (not part of npm test)")
  .option(
    "--only <path...>",
    "these files or folders of lambdas/, cli/ and spark/orchard/, in place of those that decide about clusters, money and numbers",
  )
  .action(({ only }) =>
    withLifetime(async (lifetime) => {
      const failed: string[] = [];
      for (const target of findTargets(only ?? decidingPaths)) {
        process.stdout.write(`\n${target.path}, by the tests ${target.tests.join(" ")}\n`);
        const mutate = target.language === "python" ? mutatePython : mutateTypeScript;
        if (!(await mutate(lifetime, target))) failed.push(target.path);
      }
      if (failed.length > 0) throw new CommandFailed(`Not tested, as the lines above say: ${failed.join(", ")}`);
    }),
  );
