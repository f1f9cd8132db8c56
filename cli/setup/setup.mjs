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
import { CommandRefused, SetupError } from "./setup-error.mjs";
import { withSetupLock } from "./setup-lock.mjs";
import { minimumNodeMajor, node, pathProblem, root } from "./setup-paths.mjs";
import { print } from "./setup-progress.mjs";

const parentCheckMs = 500;

/** Ends the tools during the setup; afterwards forwards the signal to the command. @type {(signal: NodeJS.Signals) => void} */
let onSignal = () => {
  void endChildren();
};
/** @type {NodeJS.Signals | undefined} */
let interruptedBy;

/**
 * @param {string[]} args
 * @param {"inherit" | "pipe"} stderr
 * @param {NodeJS.ProcessEnv} [more] variables for the command
 */
function startCommand(args, stderr, more = {}) {
  const path = [join(root, "node_modules", ".bin"), process.env["PATH"] ?? ""].join(delimiter);
  return spawn(node, [join(root, "cli", "main.ts"), ...args], {
    stdio: ["inherit", "inherit", stderr],
    env: { ...commandEnvironment(args[0]), PATH: path, ORCHARD_PARENT_PID: String(process.pid), ...more },
  });
}

/** @param {string[]} args @returns {Promise<number>} exit code */
function runCommand(args) {
  return new Promise((resolve, reject) => {
    const child = startCommand(args, "inherit");
    onSignal = (signal) => child.kill(signal);
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 143)));
  });
}

/**
 * Lets the command check its command line before the set-up, which may take a minute.
 * @param {string[]} args
 * @returns {Promise<void>}
 */
function checkCommandLine(args) {
  return new Promise((resolve, reject) => {
    const child = startCommand(args, "pipe", { ORCHARD_ONLY_CHECK: "1" });
    let printed = "";
    child.stderr?.on("data", (chunk) => {
      printed += String(chunk);
    });
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve() : reject(new CommandRefused(printed.trimEnd(), code ?? 1))));
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
  const missing = parts.filter((part) => !isReady(part));
  const lacksModules = missing.includes("node-modules");
  // A command can check its command line once the modules are installed. Check only if other parts are missing, too.
  const isWorthACheck = missing.length > (lacksModules ? 1 : 0);
  const check = () => (isWorthACheck ? checkCommandLine(args) : Promise.resolve());
  if (!lacksModules) await check();
  if (missing.length > 0) await withSetupLock(() => installParts(parts, lacksModules ? check : undefined));
  if (isStopping()) throw interrupted();
  return runCommand(args);
}

/** @param {Error} error */
function describeFailure(error) {
  if (error instanceof CommandRefused) return error.message;
  if (error instanceof SetupError) return `✖ ${error.message}`;
  if (!isSystemError(error)) return `✖ ${error.stack}`;
  return `✖ The set-up cannot write: ${error.message}. Make room or change the permissions of the folder, and start again.`;
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
    print(describeFailure(error));
    process.exit(error instanceof SetupError ? error.exitCode : 1);
  },
);
