// `orchard`: one command line whose commands are the files of cli/commands/, and of cli/development/ for those that work
// on the project, which `orchard --help` leaves out.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Command, CommanderError, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { z } from "zod";
import { hasCode } from "../shared/system-errors.mjs";
import { commandEnvironment } from "./setup/child-environment.mjs";
import { CommandError } from "./terminal/command-errors.ts";
import { compareGroups } from "./terminal/command-groups.ts";

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
  for (const child of command.commands) configure(child);
}

/** Removes what the command must not inherit, so that the SDKs in this process do not read it either. */
function reduceEnvironment(command: string | undefined): void {
  const kept = commandEnvironment(command);
  for (const name of Object.keys(process.env)) if (!(name in kept)) delete process.env[name];
  Object.assign(process.env, kept);
}

async function main(args: readonly string[]): Promise<void> {
  reduceEnvironment(args[0]);
  const program = new Command("orchard")
    .helpCommand(false)
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .description("Image features and their PCA on a transient EMR cluster, from one call")
    .addHelpText("after", "\nEach command explains itself: orchard run --help");
  const [first] = args;
  const isKnown = [commandFolder, developmentFolder].some((folder) => commandNames(folder).includes(first ?? ""));
  const asked = isKnown ? first : undefined;
  for (const command of await loadCommands(commandFolder, asked)) program.addCommand(command);
  for (const command of await loadCommands(developmentFolder, asked)) program.addCommand(command, { hidden: true });
  configure(program);
  await program.parseAsync(args, { from: "user" });
}

function isFullDisk(error: unknown): error is Error {
  return hasCode(error, "ENOSPC", "EDQUOT");
}

/** The message to print and the exit code, which docs/cli.md lists. */
function describeFailure(error: unknown): readonly [message: string, exitCode: number] {
  // Commander has printed its own message already, and --help is no error.
  if (error instanceof CommanderError) return ["", error.exitCode === 0 ? 0 : 2];
  if (error instanceof CommandError) return [error.message, error.exitCode];
  // The message names the file; a stack trace would hide it.
  if (isFullDisk(error)) return [`The disk is full or the quota is used up. ${error.message}`, 1];
  return [error instanceof Error ? (error.stack ?? error.message) : String(error), 1];
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const [message, exitCode] = describeFailure(error);
  if (message) process.stderr.write(`✖ ${message}\n`);
  process.exit(exitCode);
}
