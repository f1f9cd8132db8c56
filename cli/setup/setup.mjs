// Entry point of every npm script: installs the parts that the command needs, then runs `orchard` with the project's
// own Node. It runs before node_modules exist, on the machine's Node (20 or newer), so this folder is plain JavaScript
// that uses the standard library only.
import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { sameSignalMs } from "../../shared/os-processes.mjs";
import { isSystemError } from "../../shared/system-errors.mjs";
import { commandEnvironment } from "./child-environment.mjs";
import { endChildren, interrupted, isStopping, stopStartingTools } from "./child-processes.mjs";
import { partsOf } from "./command-parts.mjs";
import { installParts, isReady } from "./install-parts.mjs";
import { SetupError } from "./setup-error.mjs";
import { withSetupLock } from "./setup-lock.mjs";
import { minimumNodeMajor, node, pathProblem, root } from "./setup-paths.mjs";
import { print } from "./setup-progress.mjs";

const parentCheckMs = 500;

/** @type {(signal: NodeJS.Signals) => void} */
function endTools() {
  void endChildren();
}

/** Ends the tools during the setup; forwards the signal while the command runs. */
let onSignal = endTools;
/** @type {NodeJS.Signals | undefined} */
let interruptedBy;

/**
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [more] variables for the command
 * @returns {Promise<number>} exit code
 */
function runCommand(args, more = {}) {
  return new Promise((resolve, reject) => {
    const path = [join(root, "node_modules", ".bin"), process.env["PATH"] ?? ""].join(delimiter);
    const child = spawn(node, [join(root, "cli", "main.ts"), ...args], {
      stdio: "inherit",
      env: { ...commandEnvironment(args[0]), PATH: path, ORCHARD_PARENT_PID: String(process.pid), ...more },
    });
    onSignal = (signal) => child.kill(signal);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      onSignal = endTools;
      resolve(code ?? (signal === "SIGINT" ? 130 : 143));
    });
  });
}

function watchSignals() {
  let lastSignalAt = 0;
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
    process.on(signal, () => {
      if (Date.now() - lastSignalAt < sameSignalMs) return;
      lastSignalAt = Date.now();
      interruptedBy ??= signal;
      onSignal(signal);
    });
  }
}

/** npm cannot forward a SIGKILL: stop when npm no longer exists. */
function watchParent() {
  const parent = process.ppid;
  if (!process.env["npm_lifecycle_event"]) return;
  setInterval(() => {
    if (process.ppid === parent || isStopping()) return;
    stopStartingTools();
    interruptedBy ??= "SIGTERM";
    onSignal("SIGTERM");
  }, parentCheckMs).unref();
}

/** @param {import("./setup-parts.mjs").PartName[]} parts with their prerequisites */
async function makeReady(parts) {
  if (!parts.every(isReady)) await withSetupLock(() => installParts(parts));
  if (isStopping()) throw interrupted();
}

async function main() {
  const args = process.argv.slice(2);
  const major = Number(process.versions.node.split(".")[0]);
  if (major < minimumNodeMajor) {
    throw new SetupError(
      `Node ${minimumNodeMajor} or newer is needed, this is ${process.version}. Install a newer one and start again.`,
      2,
    );
  }
  const problem =
    pathProblem("The project's folder", root) ?? pathProblem("ORCHARD_HOME", process.env["ORCHARD_HOME"] ?? "");
  if (problem) throw new SetupError(problem, 2);
  watchParent();
  const parts = partsOf(args);
  // The modules are enough to check the command line, before a minute of other parts.
  await makeReady(parts.filter((part) => part === "node-modules"));
  if (!parts.every(isReady)) {
    const refusal = await runCommand(args, { ORCHARD_ONLY_CHECK: "1" });
    if (refusal !== 0) return refusal;
    await makeReady(parts);
  }
  return runCommand(args);
}

/** @param {Error} error */
function describeFailure(error) {
  if (error instanceof SetupError) return error.message;
  if (!isSystemError(error)) return error.stack;
  return `The set-up cannot write: ${error.message}. Make room or change the permissions of the folder, and start again.`;
}

watchSignals();
main().then(
  (code) => process.exit(code),
  async (error) => {
    await endChildren();
    if (interruptedBy) {
      print("Interrupted; start again to go on.");
      process.exit(interruptedBy === "SIGINT" ? 130 : 143);
    }
    print(`✖ ${describeFailure(error)}`);
    process.exit(error instanceof SetupError ? error.exitCode : 1);
  },
);
