import { Command } from "@commander-js/extra-typings";
import { CommandFailed } from "../terminal/command-errors.ts";
import { withLifetime } from "../terminal/lifetime.ts";
import { runTool } from "../toolchain/run-tool.ts";

export const command = new Command("check-infra")
  .description(
    "ask cdk-nag, cfn-lint, asl-validator, botocore, shellcheck and npm audit about every variant of the stacks",
  )
  .action(() =>
    withLifetime(async (lifetime) => {
      const { failed } = await runTool(lifetime, "node", ["infra/check/check-infra.ts"], { show: true });
      if (failed) throw new CommandFailed("The checks found problems, see above.");
    }),
  );
