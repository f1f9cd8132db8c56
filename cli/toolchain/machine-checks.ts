// Checks of this machine, for `orchard doctor`.
import { statfs } from "node:fs/promises";
import prettyBytes from "pretty-bytes";
import { CheckFailure, type CheckSpec } from "../../lambdas/preflight/checks/run-checks.ts";
import { findPython } from "../setup/find-python.mjs";
import { isReady } from "../setup/install-parts.mjs";
import { SetupError } from "../setup/setup-error.mjs";
import { parts } from "../setup/setup-parts.mjs";
import { minimumNodeMajor } from "../setup/setup-paths.mjs";
import { root } from "./places.ts";

/** The parts of the set-up and a run of the sample fit into it. */
const neededBytes = 2 * 1024 ** 3;

function checkNode(version: string): string {
  if (Number(version.split(".")[0]) >= minimumNodeMajor) return version;
  throw new CheckFailure(`This is Node ${version}; ${minimumNodeMajor} or newer is needed`);
}

function checkPython(): string {
  try {
    return findPython();
  } catch (error) {
    throw error instanceof SetupError ? new CheckFailure(error.message) : error;
  }
}

async function checkDisk(folder: string, needed: number): Promise<string> {
  const { bavail, bsize } = await statfs(folder);
  const detail = `${prettyBytes(bavail * bsize)} free in ${folder}`;
  if (bavail * bsize < needed) throw new CheckFailure(`${detail}; the set-up and a run need ${prettyBytes(needed)}`);
  return detail;
}

function checkPart(name: "model" | "wheelhouse"): string {
  if (isReady(name)) return "up to date";
  throw new CheckFailure(`${parts[name].title}: not made yet, or out of date`);
}

/** Lists the checks of the tools and files on this machine. */
export function machineChecks({
  nodeVersion = process.versions.node,
  folder = root,
  needed = neededBytes,
} = {}): readonly CheckSpec[] {
  return [
    { name: "node", remedy: "Install a newer Node", run: () => checkNode(nodeVersion) },
    { name: "python", remedy: "Install Python 3.11 with venv and ensurepip", run: checkPython },
    { name: "disk-space", remedy: "Remove files, for instance `.orchard/tests`", run: () => checkDisk(folder, needed) },
    // Only a deployment needs these, and it makes them.
    { name: "local-model", isWarning: true, remedy: "Make it: orchard model", run: () => checkPart("model") },
    {
      name: "local-wheelhouse",
      isWarning: true,
      remedy: "Make it: orchard wheelhouse",
      run: () => checkPart("wheelhouse"),
    },
  ];
}
