import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { endChildren } from "./child-processes.mjs";
import { findPython } from "./find-python.mjs";
import { parts } from "./setup-parts.mjs";
import { elapsed, print, showProgress, startDisplay } from "./setup-progress.mjs";

/** @typedef {import("./setup-parts.mjs").PartName} PartName */

/**
 * Whether a part is installed and up to date.
 * @param {PartName} name
 */
export function isReady(name) {
  const { stamp, value } = parts[name];
  return existsSync(stamp) && readFileSync(stamp, "utf8") === value();
}

/**
 * The parts and the parts that these need, recursively.
 * @param {readonly PartName[]} names
 * @returns {PartName[]}
 */
export function withPrerequisites(names) {
  return [...new Set(names.flatMap((name) => [...withPrerequisites(parts[name].needs), name]))];
}

/**
 * Installs the parts that are missing or out of date. Each starts as soon as the parts that it needs are ready.
 * @param {readonly PartName[]} names with their prerequisites
 * @param {() => Promise<void>} [check] checks the command line; called once the Node modules are ready, because the command
 *   needs them. Its error ends the installation
 */
export async function installParts(names, check) {
  const missing = names.filter((name) => !isReady(name));
  if (missing.length === 0) return;
  // Fail before anything is downloaded when there is no suitable Python.
  if (missing.includes("uv") || missing.includes("python-packages")) findPython();
  print(`Setting up: ${missing.map((name) => parts[name].title).join(", ")}`);
  const since = Date.now();
  const endDisplay = startDisplay();
  /** @type {Map<PartName, Promise<void>>} */
  const started = new Map();
  /** @param {PartName} name @returns {Promise<void>} */
  const start = (name) => {
    const installation = started.get(name) ?? Promise.all(parts[name].needs.map(start)).then(() => install(name));
    started.set(name, installation);
    return installation;
  };
  try {
    const checked = check && start("node-modules").then(check);
    await Promise.all([...names.map(start), checked]);
    print(`Set up in ${elapsed(since)}`);
  } catch (error) {
    await endChildren();
    throw error;
  } finally {
    endDisplay();
  }
}

/** @param {PartName} name */
async function install(name) {
  if (isReady(name)) return;
  const { title, stamp, value, make } = parts[name];
  await showProgress(title, async (log) => {
    await make(log);
    mkdirSync(dirname(stamp), { recursive: true });
    writeFileSync(stamp, value());
  });
}
