// Runs the tools that install the setup parts, and ends all of them when the setup is interrupted.
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { signalGroup } from "../../shared/os-processes.mjs";
import { childEnvironment } from "./child-environment.mjs";
import { SetupError } from "./setup-error.mjs";
import { root } from "./setup-paths.mjs";

/** Time between SIGTERM and SIGKILL. */
const graceMs = 3_000;

/** @type {Set<import("node:child_process").ChildProcess>} */
const children = new Set();
let stopping = false;

/** Whether the setup is being ended; no new tool starts from then on. */
export function isStopping() {
  return stopping;
}

export function interrupted() {
  return new SetupError("interrupted", 130);
}

/**
 * Runs a tool in its own process group, so that its descendants can be ended with it.
 * @param {string} command
 * @param {string[]} args
 * @param {{log?: (line: string) => void, shown?: RegExp, env?: NodeJS.ProcessEnv, hint: string}} options `log` receives
 *   the group of the latest match of `shown`, by default each line; `env` is added to the environment for downloads,
 *   `hint` tells the reader of an error what to try
 * @returns {Promise<string>} stdout and stderr
 */
export function run(command, args, { log, shown = /^\s*(\S.*)$/, env, hint }) {
  return new Promise((resolve, reject) => {
    if (stopping) return reject(interrupted());
    const child = spawn(command, args, {
      cwd: root,
      detached: true,
      env: { ...childEnvironment("download"), ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    children.add(child);
    let output = "";
    /** @param {Buffer} chunk */
    const collect = (chunk) => {
      output += chunk.toString();
      const line = output.split(/[\r\n]/).findLast((text) => shown.test(text));
      if (line !== undefined) log?.(shown.exec(line)?.[1] ?? "");
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", (error) => {
      children.delete(child);
      reject(new SetupError(`${command} cannot be run: ${error.message}\n${hint}`, 1));
    });
    child.on("close", (code, signal) => {
      children.delete(child);
      if (code === 0) return resolve(output);
      const lastLines = output.trimEnd().split("\n").slice(-15).join("\n");
      const how = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
      reject(new SetupError(`${[command, ...args].join(" ")} ${how}:\n\n${lastLines}\n\n${hint}`, 1));
    });
  });
}

/** Ends every running tool and its descendants. */
export async function endChildren() {
  stopping = true;
  signalChildren("SIGTERM");
  const deadline = Date.now() + graceMs;
  while (children.size > 0 && Date.now() < deadline) await sleep(20);
  signalChildren("SIGKILL");
}

/** @param {NodeJS.Signals} signal */
function signalChildren(signal) {
  for (const { pid } of children) if (pid) signalGroup(pid, signal);
}

/** Records that the setup is being ended, without ending the running tools. */
export function stopStartingTools() {
  stopping = true;
}
