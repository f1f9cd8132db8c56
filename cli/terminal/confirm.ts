import { confirm } from "@inquirer/prompts";
import { Refused, UsageError } from "./command-errors.ts";
import type { Lifetime } from "./lifetime.ts";

/**
 * Asks the user to confirm a change.
 *
 * @param yes whether the user gave --yes, so that no question is needed
 * @throws UsageError when there is no terminal
 */
export async function isConfirmed(lifetime: Lifetime, message: string, yes: boolean): Promise<boolean> {
  if (yes) return true;
  requireTerminal(yes);
  try {
    return await confirm({ message, default: false }, { signal: lifetime.signal, output: process.stderr });
  } catch (error) {
    if (!(error instanceof Error && error.name === "ExitPromptError")) throw error;
    // The prompt has consumed Ctrl-C. process.kill would deliver the signal too late: nothing keeps the process alive.
    process.emit("SIGINT");
    return lifetime.exited;
  }
}

/**
 * Asks the user to confirm a change, and ends the command if the answer is no.
 *
 * @param refusal says that nothing was changed
 * @throws Refused with the refusal; UsageError when there is no terminal
 */
export async function requireConfirmed(
  lifetime: Lifetime,
  message: string,
  yes: boolean,
  refusal: string,
): Promise<void> {
  if (!(await isConfirmed(lifetime, message, yes))) throw new Refused(refusal);
}

/** Whether a person looks at a stream. Services for continuous integration set CI, and some of them have a terminal. */
export function isTerminal(stream: { readonly isTTY?: boolean }): boolean {
  return stream.isTTY === true && !process.env["CI"];
}

/** Whether a person can answer a question, which is asked on standard error. */
export function hasTerminal(): boolean {
  return isTerminal(process.stdin) && isTerminal(process.stderr);
}

/**
 * Call this before long work that ends in a question.
 *
 * @throws UsageError when there is neither a terminal nor --yes
 */
export function requireTerminal(yes: boolean): void {
  if (yes || hasTerminal()) return;
  throw new UsageError("This command asks for confirmation, and there is no terminal. Confirm with --yes.");
}
