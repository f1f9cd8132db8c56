import { checkbox, confirm, input } from "@inquirer/prompts";
import { Refused, UsageError } from "./command-errors.ts";
import type { Lifetime } from "./lifetime.ts";

/** Whether an error says that Ctrl-C has ended a prompt. */
export function isPromptExit(error: unknown): boolean {
  return error instanceof Error && error.name === "ExitPromptError";
}

/**
 * Asks on standard error, and ends the command at Ctrl-C.
 *
 * @param prompt a prompt of @inquirer/prompts, called with its second argument
 */
export async function ask<T>(
  lifetime: Lifetime,
  prompt: (context: { readonly signal: AbortSignal; readonly output: NodeJS.WritableStream }) => Promise<T>,
): Promise<T> {
  try {
    return await prompt({ signal: lifetime.signal, output: process.stderr });
  } catch (error) {
    if (!isPromptExit(error)) throw error;
    // The prompt has consumed Ctrl-C. process.kill would deliver the signal too late: nothing keeps the process alive.
    process.emit("SIGINT");
    return lifetime.exited;
  }
}

/**
 * Asks the user to confirm a change.
 *
 * @param yes whether the user gave --yes, so that no question is needed
 * @throws UsageError when there is no terminal
 */
export async function isConfirmed(lifetime: Lifetime, message: string, yes: boolean): Promise<boolean> {
  if (yes) return true;
  requireTerminal(yes);
  return ask(lifetime, (context) => confirm({ message, default: false }, context));
}

/** Lets the user choose any number of things on a terminal. */
export function chooseSome<T extends string>(
  lifetime: Lifetime,
  message: string,
  choices: readonly { readonly value: T; readonly name: string }[],
): Promise<readonly T[]> {
  return ask(lifetime, (context) => checkbox({ message, choices }, context));
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
  const answer = await ask(lifetime, (context) => input({ message }, context));
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
