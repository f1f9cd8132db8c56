// Runs a tool that serves a page on this machine, until the command ends.
import { waitUntil } from "../../shared/wait-until.ts";
import { CommandFailed } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { startTool, type ToolOptions } from "./run-tool.ts";

const pollMs = 300;
const shownLines = 15;

interface ServeOptions extends Pick<ToolOptions, "env" | "cwd" | "graceMs"> {
  /** Asks the tool if its page is ready; called again until it is. */
  readonly isReady: () => Promise<boolean>;
}

/**
 * Starts a tool and waits until its page is ready.
 *
 * @param name of the tool, for the error message
 * @returns a promise that settles when the tool ends
 * @throws CommandFailed with the tool's last lines when it ends before its page is ready
 */
export async function serve(
  lifetime: Lifetime,
  name: string,
  command: string,
  args: readonly string[],
  { isReady, ...options }: ServeOptions,
): Promise<{ readonly ended: Promise<unknown> }> {
  const { ended, hasEnded } = startTool(lifetime, command, args, options);
  await waitUntil(async () => hasEnded() || (await isReady()), { everyMs: pollMs, signal: lifetime.signal });
  if (hasEnded()) {
    const { all = "" } = await ended;
    const lastLines = all.trimEnd().split("\n").slice(-shownLines).join("\n");
    throw new CommandFailed(`${name} did not start:\n${lastLines}`);
  }
  return { ended };
}

/** Asks a server of this machine; undefined while it does not answer yet. */
export function fetchFrom(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Response | undefined> {
  return fetch(url, { headers }).catch((error: unknown) => {
    // fetch throws a TypeError for a refused connection.
    if (error instanceof TypeError) return undefined;
    throw error;
  });
}
