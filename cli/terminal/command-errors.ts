/** The request cannot be carried out: exit code 2, and nothing was created. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly exitCode = 2;
}

/** The command failed: exit code 1. The message suffices, so no stack trace is printed. */
export class CommandFailed extends Error {
  override readonly name = "CommandFailed";
  readonly exitCode = 1;
}
