import { join } from "node:path";
import { Match, Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { incompatibleChanges } from "../../../cli/deployment/incompatible-changes.ts";
import { variantNamed } from "../../../infra/check/variants.ts";
import type { SecurityStack } from "../../../infra/stacks/security-stack.ts";
import { addStacks } from "../../../infra/stacks/stacks.ts";
import { instanceTypes } from "../../../lambdas/catalog/instance-types.ts";
import { configWith, newApp, synthesize, temporaryFolder } from "../fixtures.ts";

const outdir = temporaryFolder();

/** Returns the parameters of a state in the template's definition. */
function parametersOf(state: string, template: Template): Readonly<Record<string, unknown>> {
  const [machine] = Object.values(template.findResources("AWS::StepFunctions::StateMachine")) as {
    Properties: { DefinitionString: string };
  }[];
  return JSON.parse(machine?.Properties.DefinitionString ?? "").States[state].Parameters;
}

it("creates a security configuration without a key, and clusters use it", () => {
  const app = newApp(join(outdir, "own"));
  const pipeline = Template.fromStack(addStacks(app, configWith()));

  const [name] = Object.keys(pipeline.findResources("AWS::EMR::SecurityConfiguration"));
  pipeline.hasResourceProperties("AWS::EMR::SecurityConfiguration", {
    SecurityConfiguration: {
      InstanceMetadataServiceConfiguration: { MinimumInstanceMetadataServiceVersion: 2 },
      EncryptionConfiguration: {
        EnableAtRestEncryption: true,
        AtRestEncryptionConfiguration: {
          S3EncryptionConfiguration: { EncryptionMode: "SSE-S3" },
          LocalDiskEncryptionConfiguration: Match.absent(),
        },
      },
    },
  });
  expect(app.synth().stacks.map(({ stackName }) => stackName)).not.toContain("OrchardSecurity");
  expect(JSON.stringify(pipeline.toJSON())).not.toMatch(/kms/i);
  expect(parametersOf("CreateCluster", pipeline)).toHaveProperty(
    "SecurityConfiguration",
    expect.stringMatching(/SecurityConfigurationName/),
  );
  pipeline.hasResourceProperties("AWS::StepFunctions::StateMachine", {
    DefinitionSubstitutions: { SecurityConfigurationName: { Ref: name } },
  });
});

/** Synthesizes with encrypted volumes, and returns the templates of both stacks. */
function encrypted(folder: string, knobs: Readonly<Record<string, unknown>> = {}) {
  const app = newApp(join(outdir, folder));
  const pipeline = Template.fromStack(addStacks(app, configWith({ encryptedVolumes: true, ...knobs })));
  return { pipeline, security: Template.fromStack(app.node.findChild("OrchardSecurity") as SecurityStack) };
}

interface KeyResource {
  readonly Properties: { readonly KeyPolicy: { readonly Statement: readonly object[] } };
}

function keyStatementsOf(security: Template): readonly object[] {
  const [key] = Object.values(security.findResources("AWS::KMS::Key")) as KeyResource[];
  return key?.Properties.KeyPolicy.Statement ?? [];
}

describe("with encryptedVolumes", () => {
  const { pipeline, security } = encrypted("encrypted");

  it("creates a key without rotation, encrypts EBS volumes with it, and adds KMS's endpoint", () => {
    security.hasResourceProperties("AWS::KMS::Key", { EnableKeyRotation: false });
    pipeline.hasResourceProperties("AWS::EMR::SecurityConfiguration", {
      SecurityConfiguration: {
        InstanceMetadataServiceConfiguration: { MinimumInstanceMetadataServiceVersion: 2 },
        EncryptionConfiguration: {
          AtRestEncryptionConfiguration: {
            LocalDiskEncryptionConfiguration: {
              EncryptionKeyProviderType: "AwsKms",
              AwsKmsKey: { "Fn::ImportValue": Match.stringLikeRegexp("VolumeKey") },
              EnableEbsEncryption: true,
            },
          },
        },
      },
    });
    pipeline.hasResourceProperties("AWS::EC2::VPCEndpoint", { VpcEndpointType: "Interface" });
  });

  it("lets Spot's service-linked role use the key, without naming it as a principal that may not exist yet", () => {
    // KMS refuses a key policy with a principal that does not exist. An execution input can choose Spot on any stack.
    const Condition = {
      StringEquals: { "kms:CallerAccount": expect.anything() },
      ArnEquals: {
        "aws:PrincipalArn": {
          "Fn::Join": ["", expect.arrayContaining([expect.stringMatching(/spot.*\/AWSServiceRoleForEC2Spot$/)])],
        },
      },
    };
    expect(keyStatementsOf(security)).toMatchObject([
      { Action: "kms:*" },
      {
        Action: expect.arrayContaining(["kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext"]),
        Principal: { AWS: "*" },
        Condition,
      },
      {
        Action: "kms:CreateGrant",
        Principal: { AWS: "*" },
        Condition: { ...Condition, Bool: { "kms:GrantIsForAWSResource": "true" } },
      },
    ]);
  });

  it("needs no rule for instance stores, which no type of the catalogue has", () => {
    // EC2 names a type with an instance store by a "d" after the generation, such as m5d.xlarge
    // (docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html).
    expect(Object.keys(instanceTypes).filter((type) => /^[a-z]+\d+[a-z]*d[a-z]*\./.test(type))).toEqual([]);
  });

  it("lets no deployment remove the key while a cluster is alive", () => {
    expect(incompatibleChanges(security.toJSON(), {})).toEqual([
      expect.stringMatching(/^removes VolumeKey\w+ \(AWS::KMS::Key\)$/),
    ]);
  });
});

it("protects only the stack that owns clusters from being deleted in the console", () => {
  const app = newApp(join(outdir, "protected"));
  addStacks(app, configWith({ encryptedVolumes: true }));

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
  const roles = {
    emrServiceRoleArn: "arn:aws:iam::111122223333:role/service",
    emrInstanceProfileArn: "arn:aws:iam::111122223333:instance-profile/profile",
    emrInstanceRoleArn: "arn:aws:iam::111122223333:role/node",
  };
  const { security } = encrypted("given", roles);

  const both = { AWS: [roles.emrServiceRoleArn, roles.emrInstanceRoleArn] };
  expect(keyStatementsOf(security).slice(0, 3)).toMatchObject([
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
