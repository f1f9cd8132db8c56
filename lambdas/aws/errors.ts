import { oneLine } from "../../shared/bounded-text.ts";

/** Describes an error in one line: its name and its message. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return oneLine(`${error.name}: ${error.message}`);
}

/** Whether an error has one of these names, as the AWS SDK gives them. */
export function isNamed(error: unknown, ...names: readonly string[]): error is Error {
  return error instanceof Error && names.includes(error.name);
}
