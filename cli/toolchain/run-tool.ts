import { delimiter, join } from "node:path";
import { execa } from "execa";
import { type Lifetime, signalGroup, waitUntil } from "../terminal/lifetime.ts";
import { places, root } from "./places.ts";

const graceMs = 5_000;

/** The project's own tools come first on the PATH; nothing is taken from the machine when the project has it. */
export function toolPath(): string {
  return [places.nodeBin, join(places.python, "bin"), process.env["PATH"] ?? ""].join(delimiter);
}

/** The environment without what would point an AWS tool at a real account. */
export function withoutAws(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("AWS_")));
}

interface ToolOptions {
  /** The whole environment of the tool; PATH is set here. @default this process's */
  readonly env?: NodeJS.ProcessEnv;
  /** @default the project's folder */
  readonly cwd?: string;
  /** Show the output as it comes, instead of returning it. @default false */
  readonly show?: boolean;
}

export interface ToolResult {
  readonly failed: boolean;
  /** What it printed, stdout and stderr in order; empty when shown. */
  readonly output: string;
}

/** Runs a tool in a process group of its own: all that it starts ends with the command. */
export async function runTool(
  lifetime: Lifetime,
  command: string,
  args: readonly string[],
  { env = process.env, cwd = root, show = false }: ToolOptions = {},
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
      await waitUntil(() => hasEnded, graceMs);
      signalGroup(pid, "SIGKILL");
    },
    () => pid && signalGroup(pid, "SIGKILL"),
  );
  const { failed, all, shortMessage, exitCode } = await child;
  hasEnded = true;
  // What the tool left behind ends here too.
  await finish();
  return { failed, output: all || (exitCode === undefined ? (shortMessage ?? "") : "") };
}
