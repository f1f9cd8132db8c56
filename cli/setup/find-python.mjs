import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { childEnvironment } from "./child-environment.mjs";
import { SetupError } from "./setup-error.mjs";

const pythonVersion = "3.11";

/** @type {string | undefined} */
let foundPython;

/**
 * Finds the first Python 3.11 on the PATH that can create a virtual environment.
 * @returns {string} path of its executable
 * @throws {SetupError} with exit code 2 when there is none
 */
export function findPython() {
  foundPython ??= searchPath();
  if (foundPython) return foundPython;
  throw new SetupError(
    `Python ${pythonVersion} was not found on the PATH (tried python${pythonVersion}, python3 and python; it needs the modules venv and ensurepip). Install it and start again.`,
    2,
  );
}

/** @returns {string | undefined} */
function searchPath() {
  const probe = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2]); print(sys.executable)";
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  for (const name of [`python${pythonVersion}`, "python3", "python"]) {
    for (const folder of folders) {
      const candidate = join(folder, name);
      if (!isExecutable(candidate)) continue;
      const { stdout } = spawnSync(candidate, ["-c", probe], { encoding: "utf8", env: childEnvironment("download") });
      const [version, executable] = (stdout ?? "").trim().split("\n");
      if (version === pythonVersion && executable) return executable;
    }
  }
  return undefined;
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
