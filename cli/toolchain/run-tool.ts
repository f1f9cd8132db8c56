import { delimiter, join } from "node:path";
import { execa } from "execa";
import { signalGroup } from "../../shared/os-processes.mjs";
import { waitUntil } from "../../shared/wait-until.ts";
import { childEnvironment } from "../setup/child-environment.mjs";
import type { Lifetime } from "../terminal/lifetime.ts";
import { places, root } from "./places.ts";

/** Default time between SIGTERM and SIGKILL. */
const defaultGraceMs = 5_000;

/** A PATH on which the project's own tools precede those of the machine. */
export function toolPath(): string {
  return [places.nodeBin, join(places.python, "bin"), process.env["PATH"] ?? ""].join(delimiter);
}

export interface ToolOptions {
  /** Complete environment of the tool, except for PATH. @default that of a tool which needs no network */
  readonly env?: NodeJS.ProcessEnv;
  /** @default that of toolPath */
  readonly path?: string;
  /** @default the project's folder */
  readonly cwd?: string;
  /** Time between SIGTERM and SIGKILL. @default 5 seconds */
  readonly graceMs?: number;
  /** Prints the output instead of returning it. @default false */
  readonly show?: boolean;
  /** Whether the tool's standard input is a pipe; otherwise it is empty. @default false */
  readonly takesInput?: boolean;
}

export interface ToolResult {
  readonly failed: boolean;
  /** Combined stdout and stderr; empty when they were printed. */
  readonly output: string;
}

/**
 * Starts a tool in its own process group, so that its descendants end with the command.
 *
 * @returns `ended` settles when the tool has ended, with any exit code; `end` ends what is left of the group
 */
export function startTool(
  lifetime: Lifetime,
  command: string,
  args: readonly string[],
  {
    env = childEnvironment("tool"),
    path = toolPath(),
    cwd = root,
    graceMs = defaultGraceMs,
    show = false,
    takesInput = false,
  }: ToolOptions = {},
) {
  lifetime.signal.throwIfAborted();
  const child = execa(command, args, {
    cwd,
    env: { ...env, PATH: path },
    extendEnv: false,
    stdin: takesInput ? "pipe" : "ignore",
    stdout: show ? "inherit" : "pipe",
    stderr: show ? "inherit" : "pipe",
    all: true,
    detached: true,
    reject: false,
  });
  const { pid } = child;
  let isOver = false;
  const ended = child.finally(() => {
    isOver = true;
  });
  const hasEnded = (): boolean => isOver;
  const end = lifetime.defer(
    async () => {
      if (pid === undefined) return;
      signalGroup(pid, "SIGTERM");
      await waitUntil(hasEnded, { timeoutMs: graceMs });
      signalGroup(pid, "SIGKILL");
    },
    () => pid && signalGroup(pid, "SIGKILL"),
  );
  return { child, ended, hasEnded, end };
}

/** Runs a tool to its end, with the descendants that it leaves behind. */
export async function runTool(
  lifetime: Lifetime,
  command: string,
  args: readonly string[],
  options: ToolOptions = {},
): Promise<ToolResult> {
  const { ended, end } = startTool(lifetime, command, args, options);
  const { failed, all, shortMessage, exitCode } = await ended;
  await end();
  return { failed, output: all || (exitCode === undefined ? (shortMessage ?? "") : "") };
}
