import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Stack } from "aws-cdk-lib";
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
import { configWith, newApp, temporaryFolder } from "../fixtures.ts";

const checkFolder = join(import.meta.dirname, "..", "..", "..", "infra", "check");
const outdir = temporaryFolder();
const modelFile = join(outdir, "model");
writeFileSync(modelFile, "");
function make(name: string): SynthesizedVariant {
  return synthesize(variantNamed(name), { outdir, modelFile, wheelhouseFile: modelFile });
}

/** Synthesizes a stack in which checkov and parliament find something. */
function makeFaulty(): SynthesizedVariant {
  const app = newApp(temporaryFolder());
  const stack = new Stack(app, "Faulty");
  new Bucket(stack, "Plain");
  const resources = [new Queue(stack, "Queue").queueArn];
  const role = new Role(stack, "Role", { assumedBy: new ServicePrincipal("lambda.amazonaws.com") });
  role.addToPolicy(new PolicyStatement({ actions: ["sqs:SendMesage"], resources }));
  role.addToPolicy(new PolicyStatement({ actions: ["s3:GetObject"], resources }));
  const { templateFullPath: file } = app.synth().getStackByName(stack.stackName);
  return { name: "faulty", app, templates: [{ stack: stack.stackName, file, template: Template.fromStack(stack) }] };
}

// These three variants have every resource between them; `npm run check:infra` checks all variants.
describe("the checks", () => {
  const all = [make("everything on"), make("encrypted volumes"), make("bring your own")];

  it.each([
    ["cdk-nag", () => cdkNag(all, { complete: true })],
    ["asl-validator", () => aslDefinitions(all)],
    ["shellcheck", shellcheck],
    ["cfn-lint", () => cfnLint(all)],
    ["least privilege", () => leastPrivilege(all, { complete: true })],
  ])("%s has no findings", { timeout: 300_000 }, async (_, check) => {
    const { findings } = await check();

    expect(findings).toEqual([]);
  });

  // These two take seconds before they read anything, so the same run also proves that they find faults.
  it("checkov finds nothing but a plain bucket and queue", { timeout: 300_000 }, () => {
    const { findings } = checkov([...all, makeFaulty()], { complete: true });

    expect(findings).toContainEqual(expect.stringMatching(/^faulty: AWS::S3::Bucket\.Plain\w+: CKV_AWS_53: /));
    expect(findings.filter((finding) => !/^faulty: AWS::(S3::Bucket|SQS::Queue)\./.test(finding))).toEqual([]);
  });

  it("parliament finds nothing but the statements of a policy that are wrong", { timeout: 300_000 }, () => {
    expect(parliament([...all, makeFaulty()], { complete: true }).findings).toEqual([
      expect.stringMatching(/^faulty: AWS::IAM::Policy\.RoleDefaultPolicy\w+: UNKNOWN_ACTION: .*sqs:SendMesage/),
      expect.stringMatching(/^faulty: AWS::IAM::Policy\.RoleDefaultPolicy\w+: RESOURCE_MISMATCH: .*s3:GetObject/),
    ]);
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

it("a checker of templates cannot open a connection", () => {
  const script = "import offline, socket; offline.seal(); socket.create_connection(('127.0.0.1', 9))";
  const { stderr } = spawnSync(join(checkFolder, "../../.orchard/python/bin/python"), ["-c", script], {
    cwd: checkFolder,
    encoding: "utf8",
  });

  expect(stderr).toMatch(/ConnectionError: socket\.\w+: a checker works without a network$/m);
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
