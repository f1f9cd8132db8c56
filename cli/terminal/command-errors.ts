/** The caller asked for something that cannot be done: exit code 2, and nothing was created. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly exitCode = 2;
}

/** The command was understood and failed: exit code 1. The message says it all, no stack trace is shown. */
export class CommandFailed extends Error {
  override readonly name = "CommandFailed";
  readonly exitCode = 1;
}
