// `orchard`: one command line whose commands are the files of cli/commands/.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Command, CommanderError, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { z } from "zod";
import { hasCode } from "../shared/system-errors.mjs";
import { commandEnvironment } from "./setup/child-environment.mjs";
import { CommandFailed, UsageError } from "./terminal/command-errors.ts";

const commandFolder = join(import.meta.dirname, "commands");
const commandModuleSchema = z.object({ command: z.instanceof(Command) });

function commandNames(): readonly string[] {
  return readdirSync(commandFolder)
    .filter((file) => file.endsWith(".ts"))
    .map((file) => file.slice(0, -".ts".length))
    .sort();
}

async function loadCommand(name: string): Promise<CommandUnknownOpts> {
  return commandModuleSchema.parse(await import(pathToFileURL(join(commandFolder, `${name}.ts`)).href)).command;
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
  const program = new Command("orchard").description(
    "Image features and their PCA on a transient EMR cluster, from one call",
  );
  const names = commandNames();
  const [first = ""] = args;
  // Loading only the requested command saves its start-up time.
  for (const name of names.includes(first) ? [first] : names) program.addCommand(await loadCommand(name));
  configure(program);
  await program.parseAsync(args, { from: "user" });
}

function isFullDisk(error: unknown): error is Error {
  return hasCode(error, "ENOSPC", "EDQUOT");
}

/** The message to print and the exit code: 2 for a usage error, 1 for a failure. */
function describeFailure(error: unknown): readonly [message: string, exitCode: number] {
  // Commander has printed its own message already, and --help is no error.
  if (error instanceof CommanderError) return ["", error.exitCode === 0 ? 0 : 2];
  if (error instanceof UsageError || error instanceof CommandFailed) return [error.message, error.exitCode];
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
