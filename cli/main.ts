// `orchard`: one command line.
import { CommanderError } from "@commander-js/extra-typings";
import { hasCode } from "../shared/system-errors.mjs";
import { loadProgram } from "./load-program.ts";
import { commandEnvironment } from "./setup/child-environment.mjs";
import { CommandError } from "./terminal/command-errors.ts";

/** Removes what the command must not inherit, so that the SDKs in this process do not read it either. */
function reduceEnvironment(command: string | undefined): void {
  const kept = commandEnvironment(command);
  for (const name of Object.keys(process.env)) if (!(name in kept)) delete process.env[name];
  Object.assign(process.env, kept);
}

async function main(args: readonly string[]): Promise<void> {
  reduceEnvironment(args[0]);
  // ansis, which decides when a command imports it, would color a pipe in CI.
  if (!process.stdout.isTTY && process.env["FORCE_COLOR"] === undefined) process.env["NO_COLOR"] = "1";
  const program = await loadProgram(args[0]);
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
