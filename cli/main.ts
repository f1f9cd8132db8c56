// The entry point of `orchard`: runs the command, and reports its failure.
import { hasCode } from "../shared/system-errors.mjs";
import { loadProgram } from "./load-program.ts";
import { commandEnvironment } from "./setup/child-environment.mjs";
import { describeFailure } from "./terminal/describe-failure.ts";

/** Removes the variables that the command must not inherit, so that the SDKs in this process do not read them either. */
function reduceEnvironment(command: string | undefined): void {
  const kept = commandEnvironment(command);
  for (const name of Object.keys(process.env)) if (!(name in kept)) delete process.env[name];
  Object.assign(process.env, kept);
}

/** Reports that the output cannot be written, such as to a full disk. A reader that has closed the pipe is no error. */
function reportLostOutput(error: Error): void {
  if (hasCode(error, "EPIPE")) return;
  process.exitCode = 1;
  process.stderr.write(`✖ ${describeFailure(error)[0]}\n`);
}

async function main(args: readonly string[]): Promise<void> {
  reduceEnvironment(args[0]);
  // ansis decides about colors when a command imports it, and would color a pipe in CI.
  if (!process.stdout.isTTY && process.env["FORCE_COLOR"] === undefined) process.env["NO_COLOR"] = "1";
  const program = await loadProgram(args[0]);
  await program.parseAsync(args, { from: "user" });
}

process.stdout.on("error", reportLostOutput);
try {
  await main(process.argv.slice(2));
} catch (error) {
  const [message, exitCode] = describeFailure(error);
  if (message) process.stderr.write(`✖ ${message}\n`);
  process.exit(exitCode);
}
