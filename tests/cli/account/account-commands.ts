// The command line on an embedded account: in this process, in its own, and at a terminal.
import { join } from "node:path";
import { execa } from "execa";
import { expect, vi } from "vitest";
import { root } from "../../../cli/toolchain/places.ts";
import { runInProcess } from "../terminal/in-process.ts";
import { type Answer, answerQuestions } from "./answer-question.ts";
import type { EmbeddedAccount } from "./started-account.ts";

type Account = Pick<EmbeddedAccount, "env" | "home">;

/**
 * Leads the commands of this process to an account by the variables that `orchard local up` prints: `--local` would start
 * another process. Call this before the first command, because some modules read the environment when they are imported.
 */
export function leadInProcess({ env, home }: Account): void {
  for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) vi.stubEnv(name, undefined);
  const variables = { ...env, ...personsVariables(home), HOME: home, AWS_EC2_METADATA_DISABLED: "true" };
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  vi.resetModules();
}

/** The variables as npm sets them when it runs the command for a person in the account's folder. */
function personsVariables(home: string) {
  return { ORCHARD_HOME: home, INIT_CWD: home, NO_COLOR: "1" };
}

/** Runs a command in this process. @returns its outcome without the last line break, as execa does */
export async function orchard(...args: readonly string[]) {
  const { exitCode, stdout, stderr } = await runInProcess(...args);
  return { exitCode, stdout: stdout.trimEnd(), stderr: stderr.trimEnd() };
}

/** Runs a command with --json in this process, which has to succeed and to print nothing else. */
export async function json(...args: readonly string[]) {
  const { exitCode, stdout, stderr } = await orchard(...args, "--json");
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

/** Starts a command with --local in its own process, for tests of signals. */
export function startOrchard({ home }: Account, ...args: readonly string[]) {
  const env = personsVariables(home);
  return execa(process.execPath, [join(root, "cli", "main.ts"), ...args, "--local"], { reject: false, env });
}

/** Runs a command in a terminal, and types when its questions are shown. */
export function atTerminal({ env, home }: Account, args: readonly string[], ...answers: readonly Answer[]) {
  return answerQuestions(args, answers, { PATH: process.env["PATH"] ?? "", ...personsVariables(home), ...env });
}
