import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import aslValidator from "asl-validator";
import { Match } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { environmentSchema } from "../../../lambdas/runtime/environment.ts";
import { synthesize, temporaryFolder } from "../fixtures.ts";

const root = join(import.meta.dirname, "..", "..", "..");
/** The environment variables that a handler's module may read when it is loaded. */
const lambdaEnvironment = { AWS_REGION: "eu-west-1" };

const outdir = temporaryFolder();

type Resource = { readonly Properties: Record<string, unknown> };
/** Resolves CloudFormation's intrinsic functions to text, with each reference as the name of its target. */
function asText(value: unknown): string {
  if (typeof value === "string") return value;
  const object = value as { "Fn::Join"?: [string, unknown[]]; Ref?: string; "Fn::GetAtt"?: [string, string] };
  if (object["Fn::Join"]) return object["Fn::Join"][1].map(asText).join(object["Fn::Join"][0]);
  return object.Ref ?? object["Fn::GetAtt"]?.join(".") ?? JSON.stringify(value);
}

describe("the stack", () => {
  const template = synthesize(outdir);

  it("bundles every handler into a loadable module of less than 1.1 megabytes", async () => {
    const bundles = readdirSync(outdir)
      .map((name) => join(outdir, name, "index.mjs"))
      .filter((file) => existsSync(file));
    expect(bundles).toHaveLength(15);
    for (const bundle of bundles) {
      expect(statSync(bundle).size).toBeLessThan(1_100_000);
      const script = `const { handler } = await import(${JSON.stringify(bundle)}); console.log(typeof handler);`;
      const args = ["--input-type=module", "--eval", script];
      expect(execFileSync(process.execPath, args, { encoding: "utf8", env: lambdaEnvironment })).toBe("function\n");
    }
  });

  it("names versions of the functions, retains them, and lets the state machine invoke every version", () => {
    const versions = template.findResources("AWS::Lambda::Version");
    const { Properties: machine } = Object.values(
      template.findResources("AWS::StepFunctions::StateMachine"),
    )[0] as Resource;
    const substitutions = Object.entries(machine["DefinitionSubstitutions"] as Record<string, { Ref: string }>);
    const functions = substitutions.filter(([name]) => name.endsWith("FunctionArn"));
    expect(functions.map(([, { Ref: id }]) => id).sort()).toEqual(Object.keys(versions).sort());
    template.allResources("AWS::Lambda::Version", { DeletionPolicy: "Retain", UpdateReplacePolicy: "Retain" });
    template.hasResourceProperties("AWS::IAM::Policy", {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: "lambda:InvokeFunction",
            Resource: Match.arrayWith([{ "Fn::Join": ["", [{ "Fn::GetAtt": Match.anyValue() }, ":*"]] }]),
          }),
        ]),
      },
    });
  });

  it("sets the retention of all log groups", () => {
    template.allResourcesProperties("AWS::Logs::LogGroup", { RetentionInDays: 90 });
  });

  it("renders a valid definition and fills every placeholder", () => {
    const machine = Object.values(template.findResources("AWS::StepFunctions::StateMachine"))[0] as unknown as {
      Properties: { DefinitionString: unknown; DefinitionSubstitutions: Record<string, unknown> };
    };
    const text = asText(machine.Properties.DefinitionString);
    const names = [...text.matchAll(/\$\{(\w+)\}/g)].map((match) => match[1]);
    expect(new Set(names)).toEqual(new Set(Object.keys(machine.Properties.DefinitionSubstitutions)));
    const filled = text
      .replaceAll(/\$\{\w+FunctionArn\}/g, "arn:aws:lambda:eu-west-1:000000000000:function:f")
      .replaceAll(/\$\{Partition\}/g, "aws");
    expect(aslValidator(JSON.parse(filled.replaceAll(/\$\{\w+\}/g, "x"))).errorsText("\n")).toBe("");
  });

  it("blocks public access to the bucket and retains it when the stack is deleted", () => {
    template.hasResource("AWS::S3::Bucket", {
      DeletionPolicy: "Retain",
      Properties: {
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
      },
    });
  });

  it("refuses requests to the bucket without TLS", () => {
    const [bucket = ""] = Object.keys(template.findResources("AWS::S3::Bucket"));
    template.hasResourceProperties("AWS::S3::BucketPolicy", {
      Bucket: { Ref: bucket },
      PolicyDocument: {
        Statement: Match.arrayWith([
          {
            Effect: "Deny",
            Principal: { AWS: "*" },
            Action: "s3:*",
            Condition: { Bool: { "aws:SecureTransport": "false" } },
            Resource: [
              { "Fn::GetAtt": [bucket, "Arn"] },
              { "Fn::Join": ["", [{ "Fn::GetAtt": [bucket, "Arn"] }, "/*"]] },
            ],
          },
        ]),
      },
    });
  });

  it("sets only environment variables that the functions read", () => {
    const known = new Set([
      ...Object.keys(environmentSchema.shape),
      "POWERTOOLS_SERVICE_NAME",
      "POWERTOOLS_METRICS_NAMESPACE",
      "NODE_OPTIONS",
      "CLUSTER_DEFAULTS",
      "MAX_KEEP_MINUTES",
    ]);
    const functions = Object.values(template.findResources("AWS::Lambda::Function")) as Resource[];
    const given = functions.flatMap((f) =>
      Object.keys((f.Properties["Environment"] as { Variables: object }).Variables),
    );
    expect(given.filter((name) => !known.has(name))).toEqual([]);
    expect(functions).toHaveLength(15);
  });

  it("calls the clean-up functions when an execution fails, times out or is stopped", () => {
    template.hasResourceProperties("AWS::Events::Rule", {
      EventPattern: {
        source: ["aws.states"],
        detail: { status: ["FAILED", "TIMED_OUT", "ABORTED"], stateMachineArn: [Match.anyValue()] },
      },
    });
  });

  it("sends a status change to the queue if it cannot be delivered or the function fails", () => {
    const [queue = ""] = Object.keys(template.findResources("AWS::SQS::Queue"));
    const queueArn = { "Fn::GetAtt": [queue, "Arn"] };
    template.hasResourceProperties("AWS::Events::Rule", {
      EventPattern: Match.anyValue(),
      // One function terminates the cluster, the other sends the mail.
      Targets: Array(2).fill({
        DeadLetterConfig: { Arn: queueArn },
        RetryPolicy: { MaximumRetryAttempts: 185, MaximumEventAgeInSeconds: 86_400 },
      }),
    });
    template.resourcePropertiesCountIs(
      "AWS::Lambda::EventInvokeConfig",
      { MaximumRetryAttempts: 2, DestinationConfig: { OnFailure: { Destination: queueArn } } },
      2,
    );
  });

  const onlyFunction = (handler: string): Resource => {
    const functions = template.findResources("AWS::Lambda::Function") as Record<string, Resource>;
    const found = Object.entries(functions).filter(([id]) => id.startsWith(handler));
    expect(found).toHaveLength(1);
    return found[0]?.[1] as Resource;
  };

  it("sweeps every 15 minutes, with an age limit above the longest execution", () => {
    template.hasResourceProperties("AWS::Events::Rule", { ScheduleExpression: "rate(15 minutes)", State: "ENABLED" });
    const { Variables } = onlyFunction("SweepClusters").Properties["Environment"] as {
      Variables: Record<string, unknown>;
    };
    const definition = JSON.parse(readFileSync(join(root, "statemachine", "orchard.asl.json"), "utf8"));
    expect(Number(Variables["MAX_CLUSTER_HOURS"]) * 3600).toBeGreaterThan(definition.TimeoutSeconds);
  });

  it("allows only these functions to look up executions, and only of this stack's state machine", () => {
    const machine = Object.keys(template.findResources("AWS::StepFunctions::StateMachine"))[0] ?? "";
    const policies = Object.values(template.findResources("AWS::IAM::Policy")) as {
      Properties: { Roles: { Ref: string }[]; PolicyDocument: { Statement: { Action: string; Resource: unknown }[] } };
    }[];
    const asking = policies.flatMap(({ Properties: { Roles, PolicyDocument } }) =>
      PolicyDocument.Statement.filter(({ Action }) => Action === "states:DescribeExecution").map(({ Resource }) => ({
        roles: Roles.map(({ Ref }) => Ref.replace(/Role.*/, "")),
        of: asText(Resource).replace(/.*:execution:/, ""),
      })),
    );
    expect(asking).toEqual([
      { roles: ["SweepClusters"], of: "Orchard*:*" },
      { roles: ["Preflight", "TerminateCluster", "NotifyStopped"], of: `${machine}.Name:*` },
    ]);
    template.hasResourceProperties("AWS::StepFunctions::StateMachine", { StateMachineName: "Orchard" });
  });

  it("allows the sweep to terminate only clusters of this stack", () => {
    template.hasResourceProperties("AWS::IAM::Policy", {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: ["elasticmapreduce:SetTerminationProtection", "elasticmapreduce:TerminateJobFlows"],
            Condition: { StringEquals: { "elasticmapreduce:ResourceTag/orchard:stack": "Orchard" } },
          }),
        ]),
      },
    });
  });

  it("limits changes of clusters to those of this workflow, except when RunJobFlow makes them", () => {
    const policies = Object.values(template.findResources("AWS::IAM::Policy")) as {
      Properties: { PolicyDocument: { Statement: { Action: string | string[]; Condition?: unknown }[] } };
    }[];
    const unlimited = policies.flatMap(({ Properties: { PolicyDocument } }) =>
      PolicyDocument.Statement.filter(({ Condition }) => !/ResourceTag/.test(JSON.stringify(Condition))).flatMap(
        ({ Action }) => Action,
      ),
    );
    const changing = unlimited.filter((action) => /^elasticmapreduce:(?!Describe|List)/.test(action));
    expect(changing).toEqual(["elasticmapreduce:RunJobFlow"]);
  });

  it("lets EMR assume its role for this account and Region only", () => {
    const roles = Object.values(template.findResources("AWS::IAM::Role")) as Resource[];
    const trusted = roles
      .map(({ Properties }) => JSON.stringify(Properties["AssumeRolePolicyDocument"]))
      .filter((document) => document.includes("elasticmapreduce.amazonaws.com"));
    expect(trusted).toHaveLength(1);
    const [{ Condition }] = JSON.parse(trusted[0] ?? "").Statement;
    expect(asText(Condition.StringEquals["aws:SourceAccount"])).toBe("AWS::AccountId");
    expect(asText(Condition.ArnLike["aws:SourceArn"])).toBe(
      "arn:AWS::Partition:elasticmapreduce:AWS::Region:AWS::AccountId:*",
    );
  });

  it("lets Preflight write and delete its probe object only", () => {
    const policies = Object.entries(template.findResources("AWS::IAM::Policy"))
      .filter(([id]) => id.startsWith("PreflightRole"))
      .map(([, policy]) => policy as Resource);
    const statements = policies.flatMap(
      ({ Properties }) =>
        (Properties["PolicyDocument"] as { Statement: { Action: string | string[]; Resource: unknown }[] }).Statement,
    );
    const deleting = statements.filter(({ Action }) => [Action].flat().includes("s3:DeleteObject"));
    expect(deleting.map(({ Resource }) => asText(Resource).replace(/^.*\.Arn/, ""))).toEqual([
      "/artifacts/preflight-probe/*",
    ]);
  });

  it("lets the state machine tag only clusters of this workflow or new ones, as clusters of this workflow", () => {
    template.hasResourceProperties("AWS::IAM::Policy", {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: "elasticmapreduce:AddTags",
            Condition: {
              StringEqualsIfExists: { "elasticmapreduce:ResourceTag/project": "orchard" },
              StringEquals: { "elasticmapreduce:RequestTag/project": "orchard" },
            },
          }),
        ]),
      },
    });
  });

  it("allows actions on all resources only where AWS supports no finer resource", () => {
    const unscoped =
      /^(elasticmapreduce:(RunJobFlow|ListClusters)|ec2:Describe\w+|servicequotas:GetServiceQuota|logs:\w+)$/;
    const policies = Object.values(template.findResources("AWS::IAM::Policy")) as Resource[];
    for (const { Properties } of policies) {
      const { Statement } = Properties["PolicyDocument"] as {
        Statement: { Action: string | string[]; Resource: unknown }[];
      };
      for (const { Action, Resource } of Statement) {
        if (Resource !== "*") continue;
        for (const action of [Action].flat()) expect(action).toMatch(unscoped);
      }
    }
  });
});
