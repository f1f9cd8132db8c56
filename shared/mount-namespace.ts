import { spawnSync } from "node:child_process";

/** The commands that make a mount namespace: as root, and as a user where the system allows that. */
const namespaces = [
  ["unshare", "--mount"],
  ["unshare", "--user", "--map-root-user", "--mount"],
] as const;
type Namespace = (typeof namespaces)[number];

/** This machine does not allow the mount namespaces that give each node of YARN its own /opt. */
export class NoMountNamespaces extends Error {
  override readonly name = "NoMountNamespaces";

  /** @param reason the answer of unshare */
  constructor(reason: string) {
    super(
      `--yarn gives each node an /opt of its own by a mount namespace, which this machine does not allow (${reason}). It ` +
        "needs Linux and, except as root, user namespaces: on Ubuntu, sudo sysctl -w " +
        "kernel.apparmor_restrict_unprivileged_userns=0; in Docker, --privileged. Without --yarn, Spark runs in one process.",
    );
  }
}

/**
 * Finds the command prefix that runs a program in a mount namespace.
 *
 * @throws NoMountNamespaces when the machine does not allow it
 */
export function findMountNamespace(): Namespace {
  let problem: string | undefined;
  for (const namespace of namespaces) {
    problem = tryNamespace(namespace);
    if (problem === undefined) return namespace;
  }
  throw new NoMountNamespaces(problem ?? "");
}

/** Makes a mount in a namespace. @returns what is wrong, if it is not possible */
function tryNamespace([program, ...options]: Namespace): string | undefined {
  const command = [...options, "mount", "--rbind", "/opt", "/opt"];
  const { status, error, stderr } = spawnSync(program, command, { encoding: "utf8" });
  if (status === 0) return undefined;
  return error?.message ?? (stderr.trim().split("\n").at(-1) || `${program} has exit code ${status}`);
}
