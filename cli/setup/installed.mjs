#!/usr/bin/env node
// `orchard` of the npm package. Node does not strip the types of files in node_modules, and the package's folder may be
// read-only, so this copies the project to the folder of its state and runs the set-up there.
import { createHash, randomUUID } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { hasCode, isSystemError } from "../../shared/system-errors.mjs";
import { removeOldCopies } from "./old-copies.mjs";
import { SetupError } from "./setup-error.mjs";
import { pathProblem, root } from "./setup-paths.mjs";

/** The folder of the state: `.orchard` of the folder in which the person is, or ORCHARD_HOME. */
function stateFolder() {
  const chosen = process.env["ORCHARD_HOME"];
  return chosen ? resolve(chosen) : resolve(process.env["INIT_CWD"] ?? ".", ".orchard");
}

/** The folder of the installed modules: npm puts them beside the package, or into it where they would conflict. */
function modulesFolder() {
  const own = join(root, "node_modules");
  const folder = existsSync(join(own, "node")) ? own : dirname(root);
  if (existsSync(join(folder, ".bin", "node"))) return folder;
  throw new SetupError(
    `The package \`node\` is not complete in ${folder}: install orchard again, and let npm run install scripts (ignore-scripts=false).`,
    1,
  );
}

/**
 * The file that records the versions of the installed modules, for the fingerprints of the functions. npm never packs
 * package-lock.json, and writes a lock of its own only to a folder that is not global.
 * @param {string} modules
 */
function lockFile(modules) {
  const lock = join(modules, ".package-lock.json");
  return existsSync(lock) ? lock : join(root, "package.json");
}

/** Lists the package's files, as paths below it. */
function packageFiles() {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith(`node_modules${sep}`))
    .sort();
}

/**
 * Copies the package to a folder that is named by its content, so that another version does not replace files in use.
 * @param {string} state
 * @returns {string} the copy
 */
function copyPackage(state) {
  const modules = modulesFolder();
  const sources = new Map(packageFiles().map((file) => [file, join(root, file)]));
  sources.set("package-lock.json", lockFile(modules));
  const hash = createHash("sha256").update(modules);
  for (const [file, source] of sources) hash.update(`\0${file}\0`).update(readFileSync(source));
  const copy = join(state, `app-${hash.digest("hex").slice(0, 12)}`);
  if (existsSync(copy)) return copy;
  const partial = `${copy}.${randomUUID()}`;
  try {
    for (const [file, source] of sources) cpSync(source, join(partial, file));
    symlinkSync(modules, join(partial, "node_modules"));
    symlinkSync(state, join(partial, ".orchard"));
    renameSync(partial, copy);
  } catch (error) {
    // Another process has made the same copy.
    if (!hasCode(error, "ENOTEMPTY", "EEXIST")) throw error;
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return copy;
}

/** @returns {string} the folder that has the set-up to run */
function prepare() {
  // A clone has no such folder above it, and runs its own files.
  if (!root.includes(`${sep}node_modules${sep}`)) return root;
  const state = stateFolder();
  const problem = pathProblem(process.env["ORCHARD_HOME"] ? "ORCHARD_HOME" : "The folder of the state", state);
  if (problem) throw new SetupError(problem, 2);
  try {
    mkdirSync(state, { recursive: true });
    const copy = copyPackage(state);
    removeOldCopies(state, copy);
    process.env["ORCHARD_HOME"] = state;
    return copy;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new SetupError(
      `${state} cannot hold Orchard's state: ${error.message}\nGo to a folder in which you may write, or name one in ORCHARD_HOME, and start again.`,
      1,
    );
  }
}

try {
  await import(pathToFileURL(join(prepare(), "cli", "setup", "setup.mjs")).href);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`✖ ${error.message}\n`);
  process.exit(error.exitCode);
}
