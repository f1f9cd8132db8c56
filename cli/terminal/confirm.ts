import { confirm } from "@inquirer/prompts";
import { UsageError } from "./command-errors.ts";
import type { Lifetime } from "./lifetime.ts";

/**
 * Asks a person before something is changed.
 *
 * @param yes the person has said so already
 * @throws UsageError when there is nobody to ask
 */
export async function isConfirmed(lifetime: Lifetime, message: string, yes: boolean): Promise<boolean> {
  if (yes) return true;
  requireTerminal(yes);
  try {
    return await confirm({ message, default: false }, { signal: lifetime.signal });
  } catch (error) {
    if (!(error instanceof Error && error.name === "ExitPromptError")) throw error;
    // The prompt has taken Ctrl-C for itself. A signal that is sent would come too late: nothing keeps the process alive.
    process.emit("SIGINT");
    return lifetime.left;
  }
}

/** @throws UsageError when a question could not be answered; to be called before long work */
export function requireTerminal(yes: boolean): void {
  if (yes || (process.stdin.isTTY && process.stdout.isTTY)) return;
  throw new UsageError("This is no terminal, so nobody can be asked. Give --yes when you mean it.");
}
