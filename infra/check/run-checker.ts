import { spawnSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..");
const python = join(root, ".orchard", "checkers", "bin", "python");

/**
 * Runs a script of this folder in the checkers' Python environment, without a network.
 *
 * @returns the JSON that it prints
 * @throws Error when the script does not run
 */
export function runChecker(script: string, args: readonly string[], input = ""): unknown {
  // checkov reads variables such as BC_API_KEY and LOG_LEVEL.
  const { status, stdout, stderr, error } = spawnSync(python, [join(import.meta.dirname, script), ...args], {
    encoding: "utf8",
    env: { LANG: "C.UTF-8", PATH: process.env["PATH"] },
    input,
    maxBuffer: 2 ** 26,
  });
  if (error) {
    throw new Error(`${python} did not run (${error.message}). \`npm run check:infra\` installs it first.`);
  }
  if (status !== 0) throw new Error(`${script} failed:\n${stderr}`);
  return JSON.parse(stdout);
}
