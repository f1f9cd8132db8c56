import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findNodeViews } from "../../../local/emr/yarn/node-view.ts";
import { NoMountNamespaces } from "../../../shared/mount-namespace.ts";

let root: string;

/** A node whose `setsid` starts the command in the session of this process. */
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "orchard's node "));
  mkdirSync(join(root, "bin"));
  writeFileSync(join(root, "bin/setsid"), '#!/bin/bash\nexec "$@"\n');
  chmodSync(join(root, "bin/setsid"), 0o755);
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function nodeViews(): ReturnType<typeof findNodeViews> | undefined {
  try {
    return findNodeViews();
  } catch (error) {
    if (error instanceof NoMountNamespaces) return undefined;
    throw error;
  }
}

const enter = nodeViews();

function run(script: string): string {
  const [program = "", ...args] = enter?.(root, ["/bin/bash", "-c", script]) ?? [];
  const PATH = `${join(root, "bin")}:/usr/bin:/bin`;
  return execFileSync(program, args, { env: { PATH }, encoding: "utf8" }).trim();
}

describe.skipIf(enter === undefined)("a node's view of the machine", () => {
  test("has an /opt of its own, which the machine does not see, and the machine's other folders in it", () => {
    run("mkdir -p /opt/orchard && touch /opt/orchard/made");

    expect(run("ls /opt/orchard")).toBe("made");
    expect(execFileSync("ls", [join(root, "opt/orchard")], { encoding: "utf8" }).trim()).toBe("made");
    expect(run("ls /opt | grep -vx orchard | sort")).toBe(
      execFileSync("/bin/bash", ["-c", "ls -d /opt/*/ | xargs -rn1 basename | grep -vx orchard | sort"], {
        encoding: "utf8",
      }).trim(),
    );
  });

  test("has the node's setsid, also for a container, whose PATH is the system's", () => {
    expect(run("env -i /bin/bash -c 'cat $(type -P setsid)'")).toContain('exec "$@"');
  });
});
