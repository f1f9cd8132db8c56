import { join } from "node:path";
import { Match, Template } from "aws-cdk-lib/assertions";
import { expect, it } from "vitest";
import { variantNamed } from "../../../infra/check/variants.ts";
import type { SecurityStack } from "../../../infra/stacks/security-stack.ts";
import { addStacks } from "../../../infra/stacks/stacks.ts";
import { configWith, newApp, synthesize, temporaryFolder } from "../fixtures.ts";

const outdir = temporaryFolder();

/** Returns the parameters of a state in the template's definition. */
function parametersOf(state: string, template: Template): Readonly<Record<string, unknown>> {
  const [machine] = Object.values(template.findResources("AWS::StepFunctions::StateMachine")) as {
    Properties: { DefinitionString: string };
  }[];
  return JSON.parse(machine?.Properties.DefinitionString ?? "").States[state].Parameters;
}

it("creates a security configuration, and clusters use it", () => {
  const app = newApp(join(outdir, "own"));
  const pipeline = Template.fromStack(addStacks(app, configWith()));

  const security = app.node.findChild("OrchardSecurity") as SecurityStack;
  const [name] = Object.keys(pipeline.findResources("AWS::EMR::SecurityConfiguration"));
  pipeline.hasResourceProperties("AWS::EMR::SecurityConfiguration", {
    SecurityConfiguration: {
      InstanceMetadataServiceConfiguration: { MinimumInstanceMetadataServiceVersion: 2 },
      EncryptionConfiguration: { EnableAtRestEncryption: true },
    },
  });
  Template.fromStack(security).hasResourceProperties("AWS::KMS::Key", { EnableKeyRotation: true });
  expect(parametersOf("CreateCluster", pipeline)).toHaveProperty(
    "SecurityConfiguration",
    expect.stringMatching(/SecurityConfigurationName/),
  );
  pipeline.hasResourceProperties("AWS::StepFunctions::StateMachine", {
    DefinitionSubstitutions: { SecurityConfigurationName: { Ref: name } },
  });
});

it("protects only the stack that owns clusters from being deleted in the console", () => {
  const app = newApp(join(outdir, "protected"));
  addStacks(app, configWith());

  const protection = app
    .synth()
    .stacks.map(({ stackName, terminationProtection = false }) => [stackName, terminationProtection]);
  expect(protection.sort()).toEqual([
    ["Orchard", true],
    ["OrchardGuardrails", false],
    ["OrchardSecurity", false],
  ]);
});

it("grants existing roles the use of the key in its policy", () => {
  const app = newApp(join(outdir, "given"));
  const roles = {
    emrServiceRoleArn: "arn:aws:iam::111122223333:role/service",
    emrInstanceProfileArn: "arn:aws:iam::111122223333:instance-profile/profile",
    emrInstanceRoleArn: "arn:aws:iam::111122223333:role/node",
  };
  addStacks(app, configWith(roles));

  const [key] = Object.values(
    Template.fromStack(app.node.findChild("OrchardSecurity") as SecurityStack).findResources("AWS::KMS::Key"),
  ) as { Properties: { KeyPolicy: { Statement: { Action: string | string[]; Principal: unknown }[] } } }[];
  const both = { AWS: [roles.emrServiceRoleArn, roles.emrInstanceRoleArn] };
  expect(key?.Properties.KeyPolicy.Statement).toMatchObject([
    { Action: "kms:*" },
    { Action: expect.arrayContaining(["kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext"]), Principal: both },
    { Action: "kms:CreateGrant", Principal: both },
  ]);
});

it("refuses more memory than a node has, and names the knob", () => {
  const refused = (knobs: Record<string, unknown>) => () => synthesize(join(outdir, "refused"), knobs);

  expect(refused({ driverMemory: "64g" })).toThrow(/\n {2}driverMemory: 64g \+ 2g/);
  expect(refused({ executorMemory: "100g" })).toThrow(/\n {2}executorMemory: 100g and/);
});

it("leaves SecurityConfiguration and Ec2KeyName out of the definition when clusters have none", () => {
  const pipeline = synthesize(join(outdir, "none"), { securityConfiguration: "none" });

  expect(parametersOf("CreateCluster", pipeline)).not.toHaveProperty("SecurityConfiguration");
  expect(parametersOf("CreateCluster", pipeline)["Instances"]).not.toHaveProperty(["Ec2KeyName.$"]);
});

it("creates no resource that the configuration names", () => {
  const template = synthesize(join(outdir, "byo"), variantNamed("bring your own").knobs);

  for (const type of [
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::EC2::VPC",
    "AWS::EC2::SecurityGroup",
    "AWS::IAM::InstanceProfile",
  ]) {
    template.resourceCountIs(type, 0);
  }
  template.hasResourceProperties("AWS::Lambda::Function", {
    Environment: {
      Variables: Match.objectLike({
        DATA_BUCKET: "their-bucket",
        INPUT_PREFIX: "photos/",
        TOPIC_ARN: "arn:aws:sns:eu-west-1:111122223333:their-topic",
        EMR_SERVICE_ROLE: "service-role",
        EMR_INSTANCE_PROFILE: "profile",
        CLUSTER_DEFAULTS: Match.serializedJson(
          Match.objectLike({
            subnetIds: ["subnet-0123456789abcdef0"],
            securityGroups: {
              primary: "sg-0123456789abcdef0",
              core: "sg-0123456789abcdef1",
              serviceAccess: "sg-0123456789abcdef2",
            },
            keyPair: "their-key",
            maxCoreCount: 4,
            architecture: "x86_64",
          }),
        ),
      }),
    },
  });
  template.hasResourceProperties("AWS::StepFunctions::StateMachine", {
    DefinitionSubstitutions: { EmrInstanceProfileName: "profile", SecurityConfigurationName: "theirs" },
  });
  expect(parametersOf("CreateCluster", template)["Instances"]).toHaveProperty(["Ec2KeyName.$"]);
});

it("expires results only if the configuration sets a retention", () => {
  const prefixes = (template: Template): unknown[] => {
    const [bucket] = Object.values(template.findResources("AWS::S3::Bucket")) as {
      Properties: { LifecycleConfiguration: { Rules: { Prefix?: string; ExpirationInDays?: number }[] } };
    }[];
    return bucket?.Properties.LifecycleConfiguration.Rules.map((rule) => [rule.Prefix, rule.ExpirationInDays]) ?? [];
  };
  const base = [
    [undefined, undefined],
    ["logs/", 90],
    ["spark-events/", 90],
  ];

  expect(prefixes(synthesize(join(outdir, "forever")))).toEqual(base);
  const retention = { logsRetentionDays: "7", runsRetentionDays: "30" };
  expect(prefixes(synthesize(join(outdir, "days"), retention))).toEqual([
    base[0],
    ["logs/", 7],
    ["spark-events/", 7],
    ["runs/", 30],
  ]);
});
