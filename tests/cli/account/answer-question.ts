import { join } from "node:path";
import { execa } from "execa";
import { childEnvironment } from "../../../cli/setup/child-environment.mjs";
import { places, root } from "../../../cli/toolchain/places.ts";

// A new pseudo-terminal has no columns, so that lists would have one character a line.
const sized = 'stty cols 200 rows 50 && exec "$0" "$@"';
const pty = `import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(["sh", "-c", ${JSON.stringify(sized)}, *sys.argv[1:]])))`;

/** A text that the command shows, and what a person types then. */
export type Answer = readonly [shown: string, keys: string];

/**
 * Runs a command in a pseudo-terminal, and types when its questions are shown, one after the other.
 *
 * @param env the command's complete environment
 */
export function answerQuestions(
  args: readonly string[],
  answers: readonly Answer[],
  { CI: _, ...env }: Readonly<Record<string, string>>,
) {
  const python = join(places.python, "bin", "python");
  // As in every process of the project, the compile cache saves compiling the modules again.
  const { NODE_COMPILE_CACHE } = childEnvironment("tool");
  const terminal = execa(python, ["-c", pty, process.execPath, join(root, "cli", "main.ts"), ...args], {
    cwd: root,
    reject: false,
    extendEnv: false,
    env: { ...env, NODE_COMPILE_CACHE },
  });
  const left = [...answers];
  let shown = "";
  terminal.stdout.on("data", (chunk: Buffer) => {
    shown += chunk.toString();
    const [next] = left;
    if (!next || !shown.includes(next[0])) return;
    left.shift();
    shown = "";
    terminal.stdin.write(next[1]);
  });
  return terminal;
}

/** Answers one question as answerQuestions does. */
export function answerQuestion(
  args: readonly string[],
  question: string,
  keys: string,
  env: Readonly<Record<string, string>>,
) {
  return answerQuestions(args, [[question, keys]], env);
}
