import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** The commands that make a mount namespace: as root, and as a user where the system allows that. */
const namespaces = [
  ["unshare", "--mount"],
  ["unshare", "--user", "--map-root-user", "--mount"],
] as const;

/** This machine cannot give a node a view of its own. */
export class NoNodeViews extends Error {
  override readonly name = "NoNodeViews";

  constructor() {
    super(
      "--yarn gives each node an /opt of its own by a mount namespace, which this machine does not allow. It needs Linux " +
        "and, except as root, user namespaces: on Ubuntu, sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    );
  }
}

/**
 * Returns the function that makes a command run in a node's folder, with the node's own /opt. The steps' arguments name
 * /opt/orchard/python, and several nodes of this machine each have one.
 *
 * @throws NoNodeViews when the machine does not allow it
 */
export function findNodeViews(): (root: string, command: readonly string[]) => readonly string[] {
  const namespace = namespaces.find(
    ([program, ...options]) =>
      spawnSync(program, [...options, "mount", "--rbind", "/opt", "/opt"], { stdio: "ignore" }).status === 0,
  );
  if (namespace === undefined) throw new NoNodeViews();
  return (root, command) => [...namespace, "/bin/bash", join(import.meta.dirname, "node-view.sh"), root, ...command];
}
