import { Command } from "@commander-js/extra-typings";
import { runChecks } from "../checks.ts";
import { CommandFailed } from "../errors.ts";
import { withLifetime } from "../lifetime.ts";

export const check = new Command("check").description("check types, lint and format, of both languages").action(() =>
  withLifetime(async (lifetime) => {
    const failed = (await runChecks(lifetime)).filter((result) => result.failed).map(({ name }) => name);
    if (failed.length > 0) throw new CommandFailed(`Failed: ${failed.join(", ")}`);
  }),
);
