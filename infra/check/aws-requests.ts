import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { CheckResult } from "./check-result.ts";

const root = join(import.meta.dirname, "..", "..");

/**
 * Validates every AWS request of generated executions against botocore's service models and AWS's further rules. It
 * runs a test for this, because only tests can play executions.
 *
 * @throws Error when vitest does not run
 */
export function awsRequests(): CheckResult {
  const args = ["run", "tests/statemachine/requests.test.ts", "--reporter=default", "--disable-console-intercept"];
  const { status, stdout, stderr, error } = spawnSync(join(root, "node_modules", ".bin", "vitest"), args, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  if (error) throw new Error(`vitest did not run: ${error.message}`);
  const counts = /^requests: (.*)$/m.exec(stdout)?.[1]?.split(", ") ?? [];
  const total = counts.reduce((sum, count) => sum + Number.parseInt(count, 10), 0);
  return {
    check: "botocore",
    scope: `${total} requests of ${counts.length} kinds`,
    findings: status === 0 && total > 0 ? [] : [`${stdout}${stderr}`.trim()],
  };
}
