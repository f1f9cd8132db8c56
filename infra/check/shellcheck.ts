import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { z } from "zod";
import type { CheckResult } from "./check-result.ts";

const root = join(import.meta.dirname, "..", "..");

const shellSchema = z.array(
  z.object({ file: z.string(), line: z.number(), level: z.string(), code: z.number(), message: z.string() }),
);

/** Runs shellcheck over every tracked shell script. @throws Error when shellcheck does not run */
export function shellcheck(): CheckResult {
  const tracked = execFileSync("git", ["ls-files", "*.sh", ".ci/run"], { cwd: root, encoding: "utf8" });
  const files = tracked.trimEnd().split("\n");
  const { stdout, error } = spawnSync(
    join(root, ".orchard", "python", "bin", "shellcheck"),
    ["--format=json", ...files],
    {
      cwd: root,
      encoding: "utf8",
    },
  );
  if (error || !stdout) throw new Error(`shellcheck did not run: ${error?.message}`);
  const findings = shellSchema
    .parse(JSON.parse(stdout))
    .map(({ file, line, level, code, message }) => `${file}:${line}: ${level} SC${code} ${message}`);
  return { check: "shellcheck", scope: `${files.length} scripts`, findings };
}
