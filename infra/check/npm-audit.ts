import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { z } from "zod";
import type { CheckResult } from "./check-result.ts";

const root = join(import.meta.dirname, "..", "..");

const auditSchema = z.union([
  z.object({ vulnerabilities: z.record(z.string(), z.object({ severity: z.string(), range: z.string() })) }),
  z.object({ message: z.string() }).or(z.object({ error: z.object({ summary: z.string() }) })),
]);

/** Runs npm audit over the production dependencies. It is skipped when the registry does not answer. */
export function npmAudit(): CheckResult {
  const { stdout } = spawnSync("npm", ["audit", "--omit=dev", "--json"], {
    cwd: root,
    encoding: "utf8",
    timeout: 60_000,
  });
  return readAudit(stdout);
}

/** Reads npm's answer; only vulnerabilities of high and critical severity are findings. */
export function readAudit(stdout: string): CheckResult {
  const check = "npm audit";
  const parsed = auditSchema.safeParse(parseJson(stdout));
  if (!parsed.success || !("vulnerabilities" in parsed.data)) {
    const answer = parsed.success ? JSON.stringify(parsed.data) : "no answer";
    return { check, scope: "nothing", findings: [], skipped: `the registry does not answer audits (${answer})` };
  }
  const all = Object.entries(parsed.data.vulnerabilities);
  const findings = all
    .filter(([, { severity }]) => severity === "high" || severity === "critical")
    .map(([name, { severity, range }]) => `${name} ${range}: ${severity}`);
  return { check, scope: `production dependencies, ${all.length - findings.length} lesser findings`, findings };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
