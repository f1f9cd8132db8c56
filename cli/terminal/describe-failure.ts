import { CommanderError } from "@commander-js/extra-typings";
import { describeError } from "../../lambdas/aws/errors.ts";
import { hasCode, isSystemError } from "../../shared/system-errors.mjs";
import { isInvalidCredentials, missingCredentials } from "../account/credential-errors.ts";
import { isConnectionLost } from "../execution/lost-connection.ts";
import { CommandError } from "./command-errors.ts";

/** Returns the message to print, empty if it has been printed already, and the exit code, which docs/cli.md lists. */
export function describeFailure(error: unknown): readonly [message: string, exitCode: number] {
  // Commander has printed its own message already, and --help is no error.
  if (error instanceof CommanderError) return ["", error.exitCode === 0 ? 0 : 2];
  if (error instanceof CommandError) return [error.message, error.exitCode];
  if (isInvalidCredentials(error)) return describeFailure(missingCredentials(error.message));
  const known = describeSystemError(error) ?? describeAnswer(error);
  if (known !== undefined) return [known, 1];
  return [error instanceof Error ? (error.stack ?? error.message) : String(error), 1];
}

/** Describes an error of the disk or of a folder. The message names the file, and a stack trace would hide it. */
function describeSystemError(error: unknown): string | undefined {
  if (!isSystemError(error)) return undefined;
  if (hasCode(error, "ENOSPC", "EDQUOT")) {
    return `The disk is full or the quota is used up. ${error.message}. Make room and start again.`;
  }
  if (!hasCode(error, "EACCES", "EPERM", "EROFS", "ENOTDIR")) return undefined;
  return `A file or folder cannot be used. ${error.message}. Change its permissions, or name another one.`;
}

/** Describes what a service has answered, or that none has answered. */
function describeAnswer(error: unknown): string | undefined {
  if (isConnectionLost(error)) {
    return `No answer from AWS (${describeError(error)}). Check the network, the region and AWS_ENDPOINT_URL, and start again.`;
  }
  // All errors that a service answers have a $fault.
  if (!(error instanceof Error && "$fault" in error)) return undefined;
  return `AWS has refused a request (${describeError(error)}).`;
}
