import { existsSync, lstatSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's folder. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const generated = join(root, ".orchard");

/**
 * Holds everything that is generated on this machine, except for node_modules. In the copy of an installed package, it is
 * a link to the folder of the state.
 */
export const home = existsSync(generated) ? realpathSync(generated) : generated;

/** Whether npm has installed the modules, with the package or elsewhere. The set-up then does not install them. */
export const hasForeignModules =
  lstatSync(join(root, "node_modules"), { throwIfNoEntry: false })?.isSymbolicLink() === true;

/** Holds the compiled modules of every Node process that the project starts, which halves the start of a command. */
export const compileCache = join(home, "compile-cache");

/** Oldest major version of Node with which the set-up runs; package.json names it, too. */
export const minimumNodeMajor = 20;

/** The project's own Python and Node; they exist once their setup parts are installed. */
export const python = join(home, "python", "bin", "python");
export const node = join(root, "node_modules", ".bin", "node");

/**
 * Says why a folder cannot hold the project or its generated files. Colons separate class paths, commas separate lists of
 * folders, and Spark reads the other characters as wildcards.
 * @param {string} what
 * @param {string} path
 * @returns {string | undefined} the message for the person; undefined when the path can be used
 */
export function pathProblem(what, path) {
  const found = [...new Set(path.match(/[:,\\[\]{}*?]|\p{Cc}/gu) ?? [])].map((character) => JSON.stringify(character));
  if (found.length === 0) return undefined;
  return `${what} is ${JSON.stringify(path)}, but Java and Spark cannot work in a path with ${found.join(", ")}. Move or rename the folder and start again; spaces, quotes and accents are allowed.`;
}
