import { checkbox, confirm, input } from "@inquirer/prompts";
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
  return answered(lifetime, confirm({ message, default: false }, contextOf(lifetime)));
}

function contextOf({ signal }: Lifetime) {
  return { signal, output: process.stderr };
}

async function answered<T>(lifetime: Lifetime, prompt: Promise<T>): Promise<T> {
  try {
    return await prompt;
  } catch (error) {
    if (!(error instanceof Error && error.name === "ExitPromptError")) throw error;
    // The prompt has consumed Ctrl-C. process.kill would deliver the signal too late: nothing keeps the process alive.
    process.emit("SIGINT");
    return lifetime.exited;
  }
}

/** Lets the user choose any number of things on a terminal. */
export function chooseSome<T extends string>(
  lifetime: Lifetime,
  message: string,
  choices: readonly { readonly value: T; readonly name: string }[],
): Promise<readonly T[]> {
  return answered(lifetime, checkbox({ message, choices }, contextOf(lifetime)));
}

/**
 * Has the user type a name, as a protection against a hasty yes.
 *
 * @param typed the name that an option has given, so that no question is needed
 * @throws Refused with the refusal when another name is typed; UsageError when the option names another, or when there
 *   is neither an option nor a terminal
 */
export async function requireTyped(
  lifetime: Lifetime,
  message: string,
  name: string,
  { typed, option, refusal }: { readonly typed: string | undefined; readonly option: string; readonly refusal: string },
): Promise<void> {
  if (typed === name) return;
  if (typed !== undefined) throw new UsageError(`${option} is ${typed}, but it must be ${name}. ${refusal}`);
  if (!hasTerminal()) throw new UsageError(`There is no terminal to ask on. Confirm with ${option} ${name}.`);
  const answer = await answered(lifetime, input({ message }, contextOf(lifetime)));
  if (answer.trim() !== name) throw new Refused(refusal);
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
