import { join } from "node:path";
import { findMountNamespace } from "../../../shared/mount-namespace.ts";

/**
 * Returns the function that makes a command run in a node's folder, with the node's own /opt. The steps' arguments name
 * /opt/orchard/python, and each node of this machine has its own.
 *
 * @throws NoMountNamespaces when the machine does not allow mount namespaces
 */
export function findNodeViews(): (root: string, command: readonly string[]) => readonly string[] {
  const namespace = findMountNamespace();
  return (root, command) => [...namespace, "/bin/bash", join(import.meta.dirname, "node-view.sh"), root, ...command];
}
