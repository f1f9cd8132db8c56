import { readFileSync } from "node:fs";
import { join } from "node:path";
import { withPrerequisites } from "./install-parts.mjs";
import { parts } from "./setup-parts.mjs";
import { hasForeignModules, root } from "./setup-paths.mjs";

/** @typedef {import("./setup-parts.mjs").PartName} PartName */

/**
 * The setup parts that a command needs. package.json lists them under orchard.setup for the command with its subcommand
 * ("local down"), or else for the command. A command that is not listed needs all parts.
 * @param {string[]} args the command line; without a command, or with --help, Node modules suffice
 * @returns {PartName[]}
 */
export function partsOf(args) {
  const [command, subcommand] = args;
  /** @type {PartName[]} */
  const modules = hasForeignModules ? [] : ["node-modules"];
  if (command === undefined || args.some((arg) => arg === "--help" || arg === "-h")) return modules;
  /** @type {{orchard: {setup: Record<string, PartName[]>}}} */
  const { orchard } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const listed =
    orchard.setup[`${command} ${subcommand}`] ??
    orchard.setup[command] ??
    /** @type {PartName[]} */ (Object.keys(parts));
  return withPrerequisites([...modules, ...listed]);
}
