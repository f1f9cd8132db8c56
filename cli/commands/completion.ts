import { Argument, Command } from "@commander-js/extra-typings";
import { loadProgram } from "../load-program.ts";
import { groups } from "../terminal/command-groups.ts";
import { completionScript, shells } from "../terminal/completion-scripts.ts";
import { listCompleted } from "../terminal/completion-tree.ts";

export const command = new Command("completion")
  .helpGroup(groups.setUp)
  .summary("print a script that completes orchard in a shell")
  .description("print a script with which a shell completes commands, options and their choices")
  .addArgument(new Argument("<shell>", "the shell that loads the script").choices(shells))
  .option("--json", "print the commands, options and choices as one JSON object", false)
  .addHelpText("after", "\nExample:\n  source <(orchard completion bash)")
  .action(async (shell, { json }) => {
    const commands = listCompleted(await loadProgram());
    process.stdout.write(json ? `${JSON.stringify({ commands }, null, 2)}\n` : completionScript(shell, commands));
  });
