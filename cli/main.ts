// `orchard`: one command, one file for each of its commands in cli/commands/.
import { Command, CommanderError, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { CommandFailed, UsageError } from "./terminal/errors.ts";

/** Loaded when it is asked for: a command that needs little starts at once. */
const commands = {
  start: async () => (await import("./commands/start.ts")).start,
  local: async () => (await import("./commands/local.ts")).local,
  deploy: async () => (await import("./commands/deploy.ts")).deploy,
  destroy: async () => (await import("./commands/destroy.ts")).destroy,
  upload: async () => (await import("./commands/upload.ts")).upload,
  run: async () => (await import("./commands/run.ts")).run,
  results: async () => (await import("./commands/results.ts")).results,
  status: async () => (await import("./commands/status.ts")).status,
  reduce: async () => (await import("./commands/reduce.ts")).reduce,
  project: async () => (await import("./commands/project.ts")).project,
  bench: async () => (await import("./commands/bench.ts")).bench,
  model: async () => (await import("./commands/model.ts")).model,
  wheelhouse: async () => (await import("./commands/wheelhouse.ts")).wheelhouse,
  "check-infra": async () => (await import("./commands/check-infra.ts")).checkInfra,
  check: async () => (await import("./commands/check.ts")).check,
  test: async () => (await import("./commands/test.ts")).test,
} as const;

function isCommand(name: string | undefined): name is keyof typeof commands {
  return name !== undefined && name in commands;
}

/** Settings that commander does not hand down to commands of another file. */
function configure(command: CommandUnknownOpts): void {
  command.exitOverride().showHelpAfterError("(--help shows what is allowed)");
  for (const child of command.commands) configure(child);
}

async function main(args: readonly string[]): Promise<void> {
  const program = new Command("orchard").description(
    "Image features and their PCA on a transient EMR cluster, from one call",
  );
  const [name] = args;
  const wanted = isCommand(name) ? [commands[name]] : Object.values(commands);
  for (const load of wanted) program.addCommand(await load());
  configure(program);
  await program.parseAsync(args, { from: "user" });
}

/** What to tell the person, and the exit code: 2 for a wrong call, 1 for a failure. */
function explain(error: unknown): readonly [message: string, exitCode: number] {
  // Commander has printed its message itself; asking for help is no error.
  if (error instanceof CommanderError) return ["", error.exitCode === 0 ? 0 : 2];
  if (error instanceof UsageError || error instanceof CommandFailed) return [error.message, error.exitCode];
  return [error instanceof Error ? (error.stack ?? error.message) : String(error), 1];
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const [message, exitCode] = explain(error);
  if (message) process.stderr.write(`✖ ${message}\n`);
  process.exit(exitCode);
}
