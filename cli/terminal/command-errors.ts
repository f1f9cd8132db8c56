import { describeError } from "../../lambdas/aws/errors.ts";

/** An error whose message suffices, so no stack trace is printed. */
export abstract class CommandError extends Error {
  abstract readonly exitCode: number;
}

/** The command failed, or the run that it watched: exit code 1. */
export class CommandFailed extends CommandError {
  override readonly name = "CommandFailed";
  readonly exitCode = 1;
}

/** The request cannot be carried out: exit code 2, and nothing was created. */
export class UsageError extends CommandError {
  override readonly name = "UsageError";
  readonly exitCode = 2;
}

/** The request names something that does not exist: exit code 3, and nothing was created. */
export class NotFound extends CommandError {
  override readonly name = "NotFound";
  readonly exitCode = 3;
}

/** The person said no, or a ceiling forbids the request: exit code 4, and nothing was changed. */
export class Refused extends CommandError {
  override readonly name = "Refused";
  readonly exitCode = 4;
}

/** Returns what an error says, for the message of another one. */
export function messageOf(error: unknown): string {
  return error instanceof CommandError ? error.message : describeError(error);
}
