import { delimiter, join } from "node:path";
import { execa } from "execa";
import { signalGroup } from "../../shared/os-processes.mjs";
import { waitUntil } from "../../shared/wait-until.ts";
import { childEnvironment } from "../setup/child-environment.mjs";
import type { Lifetime } from "../terminal/lifetime.ts";
import { places, root } from "./places.ts";

/** Time between SIGTERM and SIGKILL. */
const graceMs = 5_000;

/** A PATH on which the project's own tools precede those of the machine. */
export function toolPath(): string {
  return [places.nodeBin, join(places.python, "bin"), process.env["PATH"] ?? ""].join(delimiter);
}

interface ToolOptions {
  /** Complete environment of the tool, except for PATH. @default that of a tool which needs no network */
  readonly env?: NodeJS.ProcessEnv;
  /** @default the project's folder */
  readonly cwd?: string;
  /** Prints the output instead of returning it. @default false */
  readonly show?: boolean;
}

export interface ToolResult {
  readonly failed: boolean;
  /** Combined stdout and stderr; empty when they were printed. */
  readonly output: string;
}

/** Runs a tool in its own process group, so that its descendants end with the command. */
export async function runTool(
  lifetime: Lifetime,
  command: string,
  args: readonly string[],
  { env = childEnvironment("tool"), cwd = root, show = false }: ToolOptions = {},
): Promise<ToolResult> {
  lifetime.signal.throwIfAborted();
  const child = execa(command, args, {
    cwd,
    env: { ...env, PATH: toolPath() },
    extendEnv: false,
    stdin: "ignore",
    stdout: show ? "inherit" : "pipe",
    stderr: show ? "inherit" : "pipe",
    all: true,
    detached: true,
    reject: false,
  });
  const { pid } = child;
  let hasEnded = false;
  const finish = lifetime.defer(
    async () => {
      if (pid === undefined) return;
      signalGroup(pid, "SIGTERM");
      await waitUntil(() => hasEnded, { timeoutMs: graceMs });
      signalGroup(pid, "SIGKILL");
    },
    () => pid && signalGroup(pid, "SIGKILL"),
  );
  const { failed, all, shortMessage, exitCode } = await child;
  hasEnded = true;
  // End the background processes that the tool left behind.
  await finish();
  return { failed, output: all || (exitCode === undefined ? (shortMessage ?? "") : "") };
}
