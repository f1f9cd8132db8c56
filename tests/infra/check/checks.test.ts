import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Bucket } from "aws-cdk-lib/aws-s3";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { describe, expect, it } from "vitest";
import { aslDefinitions } from "../../../infra/check/asl-definitions.ts";
import { cdkNag } from "../../../infra/check/cdk-nag.ts";
import { cfnLint } from "../../../infra/check/cfn-lint.ts";
import { checkov } from "../../../infra/check/checkov.ts";
import { leastPrivilege } from "../../../infra/check/least-privilege.ts";
import { npmAudit, readAudit } from "../../../infra/check/npm-audit.ts";
import { parliament } from "../../../infra/check/parliament.ts";
import { shellcheck } from "../../../infra/check/shellcheck.ts";
import { type SynthesizedVariant, synthesize } from "../../../infra/check/synthesize.ts";
import { variantNamed, variants } from "../../../infra/check/variants.ts";
import { clusterDefaults } from "../../../infra/config/cluster-defaults.ts";
import { addStacks } from "../../../infra/stacks/stacks.ts";
import { configWith, newApp, temporaryFolder } from "../fixtures.ts";

const checkFolder = join(import.meta.dirname, "..", "..", "..", "infra", "check");
const outdir = temporaryFolder();
const modelFile = join(outdir, "model");
writeFileSync(modelFile, "");
function make(name: string): SynthesizedVariant {
  return synthesize(variantNamed(name), { outdir, modelFile, wheelhouseFile: modelFile });
}

// These three variants have every resource between them; `npm run check:infra` checks all variants.
describe("the checks", () => {
  const all = [make("everything on"), make("encrypted volumes"), make("bring your own")];

  it.each([
    ["cdk-nag", () => cdkNag(all, { complete: true })],
    ["asl-validator", () => aslDefinitions(all)],
    ["shellcheck", shellcheck],
    ["cfn-lint", () => cfnLint(all)],
    ["checkov", () => checkov(all, { complete: true })],
    ["parliament", () => parliament(all, { complete: true })],
    ["least privilege", () => leastPrivilege(all, { complete: true })],
  ])("%s has no findings", { timeout: 300_000 }, async (_, check) => {
    const { findings } = await check();

    expect(findings).toEqual([]);
  });

  it("npm audit finds no high severity in production dependencies", { timeout: 90_000 }, ({ skip }) => {
    const { findings, skipped } = npmAudit();

    skip(skipped !== undefined, `not checked: ${skipped}`);
    expect(findings).toEqual([]);
  });

  it.each(["", "<html>", '{"message":"not implemented"}', '{"error":{"summary":"no answer"}}'])(
    "npm audit is skipped when the registry answers %j",
    (answer) => {
      expect(readAudit(answer)).toMatchObject({
        findings: [],
        skipped: expect.stringMatching(/^the registry does not answer audits/),
      });
    },
  );

  it("npm audit reports vulnerabilities of high and critical severity only", () => {
    const vulnerabilities = {
      a: { severity: "high", range: "<2" },
      b: { severity: "critical", range: "*" },
      c: { severity: "moderate", range: "*" },
    };
    const { findings, skipped } = readAudit(JSON.stringify({ vulnerabilities }));

    expect({ findings, skipped }).toEqual({ findings: ["a <2: high", "b *: critical"], skipped: undefined });
  });

  it("asl-validator's check reports a createCluster whose mandatory flag a path hides", () => {
    const templates = (all[0]?.templates ?? []).map(({ template, ...rest }) => {
      const text = JSON.stringify(template.toJSON());
      const hidden = text.replaceAll(
        /\\"KeepJobFlowAliveWhenNoSteps\\":true/g,
        '\\"KeepJobFlowAliveWhenNoSteps.$\\":\\"$.x\\"',
      );
      return { ...rest, template: Template.fromJSON(JSON.parse(hidden)) };
    });

    expect(aslDefinitions([{ name: "broken", app: newApp(), templates }]).findings).toEqual([
      expect.stringMatching(
        /^broken: CreateCluster: Instances must be an object with KeepJobFlowAliveWhenNoSteps: true/,
      ),
    ]);
  });

  it("cdk-nag reports findings that no suppression matches", () => {
    const { app } = all[0] ?? make("everything on");
    new Queue(app.node.findChild("Orchard") as never, "Plain");

    expect(cdkNag([{ name: "broken", app, templates: [] }], { complete: false }).findings).toEqual([
      expect.stringMatching(/^broken: Orchard\/Plain\/Resource: AwsSolutions-SQS3: /),
      expect.stringMatching(/^broken: Orchard\/Plain\/Resource: AwsSolutions-SQS4: /),
    ]);
  });
});

/** Synthesizes the stacks after a change to the pipeline's. */
function makeChanged(change: (stack: Stack) => void): SynthesizedVariant {
  const app = newApp(temporaryFolder());
  const stack = addStacks(app, configWith({ securityConfiguration: "none", guardrails: false }));
  change(stack);
  const { templateFullPath: file } = app.synth().getStackByName(stack.stackName);
  return { name: "changed", app, templates: [{ stack: stack.stackName, file, template: Template.fromStack(stack) }] };
}

describe("a checker of templates", () => {
  it("checkov reports findings that no suppression matches", () => {
    const changed = makeChanged((stack) => new Bucket(stack, "Plain"));

    expect(checkov([changed], { complete: false }).findings).toEqual(
      expect.arrayContaining([expect.stringMatching(/^changed: AWS::S3::Bucket\.Plain\w+: CKV_AWS_53: /)]),
    );
  });

  it("parliament reports findings that no suppression matches", () => {
    const changed = makeChanged((stack) => {
      const role = new Role(stack, "Plain", { assumedBy: new ServicePrincipal("lambda.amazonaws.com") });
      const resources = [new Queue(stack, "Queue").queueArn];
      role.addToPolicy(new PolicyStatement({ actions: ["sqs:SendMesage"], resources }));
      role.addToPolicy(new PolicyStatement({ actions: ["s3:GetObject"], resources }));
    });

    expect(parliament([changed], { complete: false }).findings).toEqual([
      expect.stringMatching(/^changed: AWS::IAM::Policy\.PlainDefaultPolicy\w+: UNKNOWN_ACTION: .*sqs:SendMesage/),
      expect.stringMatching(/^changed: AWS::IAM::Policy\.PlainDefaultPolicy\w+: RESOURCE_MISMATCH: .*s3:GetObject/),
    ]);
  });

  it("cannot open a connection", () => {
    const script = "import offline, socket; offline.seal(); socket.create_connection(('127.0.0.1', 9))";
    const { stderr } = spawnSync(join(checkFolder, "../../.orchard/python/bin/python"), ["-c", script], {
      cwd: checkFolder,
      encoding: "utf8",
    });

    expect(stderr).toMatch(/ConnectionError: socket\.\w+: a checker works without a network$/m);
  });
});

it("the variants cover every kind of cluster, schedules and guardrails", () => {
  expect(variants.map(({ name }) => name)).toEqual([
    ...["x86_64, ON_DEMAND", "x86_64, ON_DEMAND, JupyterHub", "x86_64, SPOT", "x86_64, SPOT, JupyterHub"],
    ...["arm64, ON_DEMAND", "arm64, ON_DEMAND, JupyterHub", "arm64, SPOT", "arm64, SPOT, JupyterHub"],
    ...[
      "everything on",
      "encrypted volumes",
      "encrypted volumes, their roles",
      "schedule",
      "no guardrails",
      "schedule, no guardrails",
    ],
    ...["bring your own", "their VPC, our groups"],
  ]);
});

it.each(variants)("the planner accepts the cluster of the variant $name", ({ knobs }) => {
  const placement = {
    subnetIds: ["subnet-0"],
    securityGroups: { primary: "sg-1", core: "sg-2", serviceAccess: "sg-3" },
  };

  expect(() => clusterDefaults(configWith(knobs), placement)).not.toThrow();
});
