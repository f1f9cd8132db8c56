import { Command } from "@commander-js/extra-typings";
import { CommandFailed } from "../terminal/command-errors.ts";
import { withLifetime } from "../terminal/lifetime.ts";
import { runChecks } from "../toolchain/static-checks.ts";

export const command = new Command("check").description("check types, lint and format, of both languages").action(() =>
  withLifetime(async (lifetime) => {
    const failed = (await runChecks(lifetime)).filter((result) => result.failed).map(({ name }) => name);
    if (failed.length > 0) throw new CommandFailed(`Failed: ${failed.join(", ")}`);
  }),
);
