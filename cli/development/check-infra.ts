import { Command } from "@commander-js/extra-typings";
import { childEnvironment } from "../setup/child-environment.mjs";
import { CommandFailed } from "../terminal/command-errors.ts";
import { withLifetime } from "../terminal/lifetime.ts";
import { runTool } from "../toolchain/run-tool.ts";

export const command = new Command("check-infra")
  .description(
    "ask cdk-nag, cfn-lint, checkov, parliament, asl-validator, botocore, shellcheck and npm audit about every variant",
  )
  .action(() =>
    withLifetime(async (lifetime) => {
      const options = { show: true, env: childEnvironment("download") };
      const { failed } = await runTool(lifetime, "node", ["infra/check/check-infra.ts"], options);
      if (failed) throw new CommandFailed("The checks found problems, see above.");
    }),
  );
