import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { supervise } from "../../../local/support/supervise.ts";
import { processes, project, until } from "../account-fixtures.ts";

test("a killed supervisor leaves no process of its command, even in other process groups", async () => {
  const child = supervise(["/bin/bash", "-c", "set -m; sleep 4716.1 & trap '' TERM; sleep 4716.2; sleep 4716.3"], {
    tools: join(project, ".orchard"),
    cwd: tmpdir(),
    env: { PATH: "/usr/bin:/bin" },
    graceSeconds: 0.5,
  });
  const started = await until(
    async () => processes("sleep 4716."),
    (found) => found.some((line) => line.startsWith("sleep 4716.1")) && found.some((line) => line.includes("4716.2")),
  );

  child.process.kill("SIGKILL");
  const exitCode = await child.ended;

  expect(started.length).toBeGreaterThanOrEqual(3);
  expect(exitCode).toBe(137);
  expect(processes("sleep 4716.")).toEqual([]);
});
