import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import aslValidator from "asl-validator";
import { App, type Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { AwsSolutionsChecks } from "cdk-nag";
import { z } from "zod";
import { configFromContext } from "../config/config.ts";
import { addStacks } from "../stacks/stacks.ts";
import { suppressions } from "./suppressions.ts";
import type { Variant } from "./variants.ts";

const root = join(import.meta.dirname, "..", "..");
const region = "eu-west-1";

/** What a judge found, one line each; `looked` counts what it looked at. */
export interface CheckResult {
  readonly judge: string;
  readonly looked: string;
  readonly findings: readonly string[];
  /** Said and not counted: a judge that could not be asked. */
  readonly note?: string;
}

/** A variant, synthesised. */
export interface SynthesizedVariant {
  readonly name: string;
  readonly app: App;
  readonly templates: readonly { readonly stack: string; readonly file: string; readonly template: Template }[];
}

/** The files that a deployment needs and a check does not. */
export interface CheckFiles {
  readonly outdir: string;
  readonly modelFile: string;
  readonly wheelhouseFile: string;
}

/** @throws Error of CDK's own rules for CloudFormation, which are errors here as in cdk.json */
export function synthesize({ name, knobs }: Variant, { outdir, ...files }: CheckFiles): SynthesizedVariant {
  const context = { "@aws-cdk/core:validateAgainstDefaultRules": true };
  const app = new App({ outdir: join(outdir, name.replaceAll(/\W+/g, "-")), context });
  addStacks(app, configFromContext({ ...files, modelWeights: "imagenet", ...knobs }, region));
  const { stacks } = app.synth();
  const templates = stacks.map(({ stackName, templateFullPath }) => ({
    stack: stackName,
    file: templateFullPath,
    template: Template.fromStack(app.node.findChild(stackName) as Stack),
  }));
  return { name, app, templates };
}

/** cdk-nag's AwsSolutions, over all stacks of all variants. */
export function cdkNag(all: readonly SynthesizedVariant[], { complete }: { readonly complete: boolean }): CheckResult {
  const met = new Set<RegExp>();
  let count = 0;
  const findings = all.flatMap(({ name, app }) =>
    new AwsSolutionsChecks(app).validateScope(app).violations.flatMap(({ ruleName, description, violatingResources }) =>
      violatingResources.flatMap(({ constructPath = "" }) => {
        count += 1;
        const known = suppressions.find(({ finding, on }) => finding.test(ruleName) && on.test(constructPath));
        if (known) met.add(known.finding);
        return known ? [] : [`${name}: ${constructPath}: ${ruleName}: ${description}`];
      }),
    ),
  );
  const stale = complete ? suppressions.filter(({ finding }) => !met.has(finding)) : [];
  return {
    judge: "cdk-nag AwsSolutions",
    looked: `${all.length} variants, ${count - findings.length} findings acknowledged by ${met.size} reasons`,
    findings: [...findings, ...stale.map(({ finding }) => `acknowledged and never found: ${finding}`)],
  };
}

const lintSchema = z.array(
  z.object({
    Filename: z.string(),
    Level: z.string(),
    Message: z.string(),
    Rule: z.object({ Id: z.string() }),
    Location: z.object({ Path: z.array(z.union([z.string(), z.number()])).nullable() }),
  }),
);

/** cfn-lint over the templates. */
export function cfnLint(all: readonly SynthesizedVariant[]): CheckResult {
  const files = all.flatMap(({ templates }) => templates.map(({ file }) => file));
  // W3005: CDK writes a DependsOn beside every GetAtt of a role.
  const args = ["--format", "json", "--regions", region, "--ignore-checks", "W3005", "--", ...files];
  const { stdout, stderr, error } = spawnSync(join(root, ".orchard", "python", "bin", "cfn-lint"), args, {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  if (error || !stdout) throw new Error(`cfn-lint did not run: ${error?.message ?? stderr}`);
  const findings = lintSchema
    .parse(JSON.parse(stdout))
    .map(
      ({ Filename, Level, Message, Rule, Location }) =>
        `${Filename}: ${Location.Path?.join("/")}: ${Level} ${Rule.Id} ${Message}`,
    );
  return { judge: "cfn-lint", looked: `${files.length} templates`, findings };
}

const machineSchema = z.object({ Properties: z.object({ DefinitionString: z.string() }) });

/** asl-validator over the definitions as they are deployed, placeholders filled. */
export function aslDefinitions(all: readonly SynthesizedVariant[]): CheckResult {
  const machines = all.flatMap(({ name, templates }) =>
    templates.flatMap(({ template }) =>
      Object.values(template.findResources("AWS::StepFunctions::StateMachine")).map((machine) => ({
        name,
        definition: machineSchema
          .parse(machine)
          .Properties.DefinitionString.replaceAll(
            /\$\{\w+FunctionArn\}/g,
            `arn:aws:lambda:${region}:000000000000:function:f:1`,
          )
          .replaceAll(/\$\{\w+\}/g, "x"),
      })),
    ),
  );
  const findings = machines.flatMap(({ name, definition }) => {
    const { isValid, errorsText } = aslValidator(JSON.parse(definition));
    return isValid ? [] : [`${name}: ${errorsText("; ")}`];
  });
  return { judge: "asl-validator", looked: `${machines.length} definitions`, findings };
}

const shellSchema = z.array(
  z.object({ file: z.string(), line: z.number(), level: z.string(), code: z.number(), message: z.string() }),
);

/** shellcheck over every shell script. */
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
  return { judge: "shellcheck", looked: `${files.length} scripts`, findings };
}

const auditSchema = z.union([
  z.object({ vulnerabilities: z.record(z.string(), z.object({ severity: z.string(), range: z.string() })) }),
  z.object({ message: z.string() }).or(z.object({ error: z.object({ summary: z.string() }) })),
]);

/**
 * botocore's service models, and what AWS refuses beyond them, over every request of generated executions: the judgement
 * is a test's, which knows how to play them.
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
    judge: "botocore",
    looked: `${total} requests of ${counts.length} kinds`,
    findings: status === 0 && total > 0 ? [] : [`${stdout}${stderr}`.trim()],
  };
}

/** npm audit of what ships: high and critical findings count. */
export function npmAudit(): CheckResult {
  const { stdout } = spawnSync("npm", ["audit", "--omit=dev", "--json"], {
    cwd: root,
    encoding: "utf8",
    timeout: 60_000,
  });
  const judge = "npm audit";
  const parsed = auditSchema.safeParse(stdout ? JSON.parse(stdout) : undefined);
  if (!parsed.success || !("vulnerabilities" in parsed.data)) {
    const why = parsed.success ? JSON.stringify(parsed.data) : "no answer";
    return { judge, looked: "nothing", findings: [], note: `NOT JUDGED: the registry does not answer audits (${why})` };
  }
  const all = Object.entries(parsed.data.vulnerabilities);
  const findings = all
    .filter(([, { severity }]) => severity === "high" || severity === "critical")
    .map(([name, { severity, range }]) => `${name} ${range}: ${severity}`);
  return { judge, looked: `what ships, ${all.length} lesser findings`, findings };
}
