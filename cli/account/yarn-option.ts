import { Option } from "@commander-js/extra-typings";
import { findMountNamespace, NoMountNamespaces } from "../../shared/mount-namespace.ts";
import { UsageError } from "../terminal/command-errors.ts";

/** Checks this machine when the command line is read, before the set-up, the sample and YARN's jars take time. */
export const yarnOption = new Option(
  "--yarn",
  "run clusters on a real YARN: a ResourceManager, and a NodeManager for each node (Linux)",
)
  .default(false)
  .argParser(checkMachine);

/** @throws UsageError when this machine has no mount namespaces */
function checkMachine(): true {
  try {
    findMountNamespace();
  } catch (error) {
    if (error instanceof NoMountNamespaces) throw new UsageError(error.message);
    throw error;
  }
  return true;
}
