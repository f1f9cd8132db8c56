import { join } from "node:path";
import { execa } from "execa";
import { places, root } from "../../../cli/toolchain/places.ts";

// A new pseudo-terminal has no columns, so that lists would have one character a line.
const sized = 'stty cols 200 rows 50 && exec "$0" "$@"';
const pty = `import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(["sh", "-c", ${JSON.stringify(sized)}, *sys.argv[1:]])))`;

/**
 * Runs a command in a pseudo-terminal, and types when its question is shown.
 *
 * @param env the command's complete environment
 */
export function answerQuestion(
  args: readonly string[],
  question: string,
  keys: string,
  { CI: _, ...env }: Readonly<Record<string, string>>,
) {
  const python = join(places.python, "bin", "python");
  const terminal = execa(python, ["-c", pty, process.execPath, join(root, "cli", "main.ts"), ...args], {
    cwd: root,
    reject: false,
    extendEnv: false,
    env,
  });
  let shown = "";
  terminal.stdout.on("data", (chunk: Buffer) => {
    const isAsked = shown.includes(question);
    shown += chunk.toString();
    if (!isAsked && shown.includes(question)) terminal.stdin.write(keys);
  });
  return terminal;
}
