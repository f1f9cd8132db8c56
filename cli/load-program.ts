// Builds the tree of commands from the files of cli/commands/ and cli/development/. The commands of cli/development/ are
// for work on the project itself, so `orchard --help` leaves them out.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { z } from "zod";
import { compareGroups } from "./terminal/command-groups.ts";
import { suggestChoices } from "./terminal/suggest-choices.ts";

const commandFolder = join(import.meta.dirname, "commands");
const developmentFolder = join(import.meta.dirname, "development");
const commandModuleSchema = z.object({ command: z.instanceof(Command) });

function commandNames(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".ts"))
    .map((file) => file.slice(0, -".ts".length));
}

async function loadCommand(folder: string, name: string): Promise<CommandUnknownOpts> {
  return commandModuleSchema.parse(await import(pathToFileURL(join(folder, `${name}.ts`)).href)).command;
}

/** Loads all commands of the folder, or only the one that is asked for, to save its start-up time. */
async function loadCommands(folder: string, asked: string | undefined): Promise<readonly CommandUnknownOpts[]> {
  const names = commandNames(folder).filter((name) => asked === undefined || name === asked);
  const commands = await Promise.all(names.map((name) => loadCommand(folder, name)));
  return commands.sort((a, b) => compareGroups(a.helpGroup(), b.helpGroup()) || a.name().localeCompare(b.name()));
}

/** Applies the settings that commander does not pass on to commands created in other files. */
function configure(command: CommandUnknownOpts): void {
  command.exitOverride().showHelpAfterError("(--help shows what is allowed)");
  suggestChoices(command);
  for (const child of command.commands) configure(child);
}

/**
 * Builds `orchard`.
 *
 * @param wanted the only command to load; all are loaded by default, and if it does not exist
 */
export async function loadProgram(wanted?: string): Promise<CommandUnknownOpts> {
  const program = new Command("orchard")
    .helpCommand(false)
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .description("Image features and their PCA on a transient EMR cluster, from one call")
    .addHelpText("after", "\nEach command explains itself: orchard run --help");
  const isKnown = [commandFolder, developmentFolder].some((folder) => commandNames(folder).includes(wanted ?? ""));
  const asked = isKnown ? wanted : undefined;
  for (const command of await loadCommands(commandFolder, asked)) program.addCommand(command);
  for (const command of await loadCommands(developmentFolder, asked)) program.addCommand(command, { hidden: true });
  configure(program);
  return program;
}
