import { confirm } from "@inquirer/prompts";
import { UsageError } from "./command-errors.ts";
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
    return await confirm({ message, default: false }, { signal: lifetime.signal });
  } catch (error) {
    if (!(error instanceof Error && error.name === "ExitPromptError")) throw error;
    // The prompt has consumed Ctrl-C. process.kill would deliver the signal too late: nothing keeps the process alive.
    process.emit("SIGINT");
    return lifetime.exited;
  }
}

/** Whether a person can answer a question. */
export function hasTerminal(): boolean {
  return process.stdin.isTTY === true && process.stdout.isTTY === true;
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
