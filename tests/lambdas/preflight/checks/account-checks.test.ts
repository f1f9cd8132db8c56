import { CreateSubnetCommand, DescribeKeyPairsCommand } from "@aws-sdk/client-ec2";
import { CreateInstanceProfileCommand, CreateRoleCommand } from "@aws-sdk/client-iam";
import {
  CreateBucketCommand,
  DeletePublicAccessBlockCommand,
  ListObjectsV2Command,
  PutBucketReplicationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutPublicAccessBlockCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { GetServiceQuotaCommand } from "@aws-sdk/client-service-quotas";
import { CreateTopicCommand, ListSubscriptionsByTopicCommand } from "@aws-sdk/client-sns";
import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { expect, test } from "vitest";
import { sha256 } from "../../../../lambdas/aws/s3.ts";
import { closedKey } from "../../../../lambdas/contract/s3-layout.ts";
import { InvalidInput } from "../../../../lambdas/runtime/errors.ts";
import { createBucket, modelDescription, putObject, uniqueName } from "../../fixtures.ts";
import { account, answering, config, defaults, failing, findOnlyFailure, input, run } from "../ready-account.ts";

// Each check fails alone.

test("a run is refused while destroy has closed the deployment", async () => {
  await putObject(account, config.DATA_BUCKET, closedKey, "");

  expect(await findOnlyFailure(run())).toBe(
    "1 of 19 checks failed: deployment-open: `orchard destroy` has closed this deployment, or `orchard deploy` is changing it. `orchard deploy` opens it again, also after a `destroy` that failed",
  );
});

test("a region outside the EU is refused unless it is allowed", async () => {
  // Zurich, by its name, is not in the EU; the bucket is elsewhere, too.
  await expect(run(input, { config: { AWS_REGION: "eu-central-2" } })).rejects.toThrow(
    /- region: eu-central-2 is not in the European Union\./,
  );
  await expect(run(input, { config: { AWS_REGION: "eu-central-2", ALLOW_NON_EU_REGION: true } })).rejects.not.toThrow(
    /region: eu-central-2 is not/,
  );
});

test("expired credentials fail the check of credentials", async () => {
  const sts = answering(account.sts, GetCallerIdentityCommand, failing("ExpiredToken", "The token has expired"));
  expect(await findOnlyFailure(run(input, { clients: { sts } }))).toMatch(
    /credentials: ExpiredToken: The token has expired/,
  );
});

test.each(["a*b", "it's", "()", "😀"])(
  "the execution name %s has characters that a key should not have",
  async (name) => {
    expect(await findOnlyFailure(run(input, { name }))).toMatch(
      /execution-name: .* Start again with a name of letters/,
    );
  },
);

test("the execution name .. is refused, because no folder has that name", async () => {
  expect(await findOnlyFailure(run(input, { name: ".." }))).toMatch(
    /execution-name: "\.\." cannot be the name of a folder of results/,
  );
});

test("an execution name may have every legal character", async () => {
  expect((await run(input, { name: "Été 1_.:/=+-@" })).runId).toBe("Été 1_.:/=+-@");
});

test("seeded weights are refused unless they are allowed", async () => {
  expect(
    await findOnlyFailure(run(input, { config: { MODEL_DESCRIPTION: { ...modelDescription, weights: "seeded" } } })),
  ).toMatch(/model-weights: .*random/);
});

test("weights of a file need no permission and give no warning", async () => {
  const plan = await run(input, { config: { MODEL_DESCRIPTION: { ...modelDescription, weights: "file" } } });

  expect(plan).toMatchObject({ model: { weights: "file" }, warnings: [] });
});

test("allowed seeded weights give a warning", async () => {
  const plan = await run(input, {
    config: { MODEL_DESCRIPTION: { ...modelDescription, weights: "seeded" }, ALLOW_SEEDED_WEIGHTS: true },
  });

  expect(plan.warnings).toEqual([expect.stringMatching(/SEEDED RANDOM WEIGHTS/)]);
});

test("a bucket of another region is refused", async () => {
  const elsewhere = uniqueName("elsewhere");
  await account.s3In("us-east-1").send(new CreateBucketCommand({ Bucket: elsewhere }));

  const error = await run(input, { config: { DATA_BUCKET: elsewhere } }).catch((thrown: unknown) => String(thrown));

  expect(error).toMatch(new RegExp(`bucket: ${elsewhere} is in us-east-1, but the workflow runs in eu-west-1`));
});

test("a function in another region than its bucket is refused", async () => {
  expect(await findOnlyFailure(run(input, { config: { AWS_REGION: "eu-central-1" } }))).toMatch(
    /bucket: .* is in eu-west-1, but the workflow runs in eu-central-1/,
  );
});

test("a bucket that does not exist is refused", async () => {
  const error = await run(input, { config: { DATA_BUCKET: "no-such-bucket" } }).catch((thrown: unknown) =>
    String(thrown),
  );

  expect(error).toMatch(/bucket: There is no bucket no-such-bucket/);
});

test("a bucket without a public access block is refused", async () => {
  await account.s3.send(new DeletePublicAccessBlockCommand({ Bucket: config.DATA_BUCKET }));
  expect(await findOnlyFailure(run())).toMatch(/bucket-public-access: .* has no public access block/);
});

test("an incomplete public access block is refused with the missing setting", async () => {
  await account.s3.send(
    new PutPublicAccessBlockCommand({
      Bucket: config.DATA_BUCKET,
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        IgnorePublicAcls: true,
        BlockPublicPolicy: false,
        RestrictPublicBuckets: true,
      },
    }),
  );
  expect(await findOnlyFailure(run())).toMatch(
    /bucket-public-access: the public access block of .* lacks BlockPublicPolicy/,
  );
});

async function replicateTo(target: string, targetRegion: S3Client): Promise<void> {
  const VersioningConfiguration = { Status: "Enabled" } as const;
  await account.s3.send(new PutBucketVersioningCommand({ Bucket: config.DATA_BUCKET, VersioningConfiguration }));
  await targetRegion.send(new PutBucketVersioningCommand({ Bucket: target, VersioningConfiguration }));
  await account.s3.send(
    new PutBucketReplicationCommand({
      Bucket: config.DATA_BUCKET,
      ReplicationConfiguration: {
        Role: "arn:aws:iam::000000000000:role/replication",
        Rules: [
          {
            ID: "copy",
            Status: "Enabled",
            Priority: 1,
            Filter: { Prefix: "" },
            DeleteMarkerReplication: { Status: "Disabled" },
            Destination: { Bucket: `arn:aws:s3:::${target}` },
          },
        ],
      },
    }),
  );
}

test("replication to another region is refused", async () => {
  const target = uniqueName("copy");
  const elsewhere = account.s3In("us-east-1");
  await elsewhere.send(new CreateBucketCommand({ Bucket: target }));
  await replicateTo(target, elsewhere);

  expect(await findOnlyFailure(run())).toMatch(/bucket-replication: .* is replicated to copy-.* in us-east-1/);
});

test("replication within the region is accepted", async () => {
  await replicateTo(await createBucket(account), account.s3);

  const check = (await run()).checks.find(({ name }) => name === "bucket-replication");

  expect(check).toMatchObject({ ok: true, detail: "replicated within eu-west-1" });
});

test("images outside of the folder that clusters may read are refused", async () => {
  expect(await findOnlyFailure(run({ ...input, input: "s3://no-such-bucket/tree/" }))).toMatch(
    /input-images: s3:\/\/no-such-bucket\/tree\/ is not under s3:\/\/.*\/data\//,
  );
});

test("images that cannot be listed are refused", async () => {
  const s3 = answering(account.s3, ListObjectsV2Command, failing("AccessDenied", "Access Denied"));
  expect(await findOnlyFailure(run(input, { clients: { s3 } }))).toMatch(
    /input-images: s3:.*\/data\/raw\/ cannot be listed: AccessDenied/,
  );
});

test("a bucket that refuses the probe object is refused", async () => {
  const s3 = answering(account.s3, PutObjectCommand, failing("AccessDenied", "Access Denied"));
  expect(await findOnlyFailure(run(input, { clients: { s3 } }))).toMatch(
    /scripts-uploadable: AccessDenied: Access Denied/,
  );
});

test("a bucket that encrypts with KMS is refused", async () => {
  const s3 = answering(account.s3, PutObjectCommand, () => ({ ServerSideEncryption: "aws:kms" }));
  expect(await findOnlyFailure(run(input, { clients: { s3 } }))).toMatch(
    /scripts-uploadable: .* encrypts with KMS, which is not supported: make SSE-S3/,
  );
});

test("a wheelhouse that does not exist is refused", async () => {
  expect(await findOnlyFailure(run(input, { config: { WHEELHOUSE_SHA256: "0".repeat(64) } }))).toMatch(
    /wheelhouse: Neither s3:\/\/.*\/wheelhouse\.tar nor s3:\/\/.*\/wheelhouse\.tar exists/,
  );
});

test("a run in bf16 is refused if its wheelhouse was not deployed, with the commands that do so", async () => {
  const bf16 = { ...input, precision: "bf16" };

  await expect(run(bf16)).rejects.toThrow(
    /^1 of 20 checks failed: wheelhouse-bf16: The stack was deployed without them\. .* orchard wheelhouse --precision bf16, .* orchard deploy -c bf16WheelhouseFile=/,
  );
  const settings = { BF16_WHEELHOUSE_SHA256: sha256("bf16"), BF16_WHEELHOUSE_ASSET: "s3://assets/bf16.tar" };
  await expect(run(bf16, { config: settings })).rejects.toThrow(/wheelhouse-bf16: Neither .* exists/);

  await putObject(account, config.DATA_BUCKET, `artifacts/${sha256("bf16")}/wheelhouse.tar`, "bf16");
  const plan = await run(bf16, { config: settings });

  expect(plan).toMatchObject({ precision: "bf16", warnings: [] });
  expect(plan.store).toMatch(/-bf16\/$/);
});

test("a run on processors without bf16 needs no such wheelhouse: it takes float32, and says so", async () => {
  const float32 = await run();

  const plan = await run({ ...input, precision: "bf16", cluster: { coreType: "m5.xlarge" } });

  expect(plan).toMatchObject({ precision: "float32", store: float32.store });
  expect(plan.warnings).toEqual([expect.stringMatching(/^bf16 gains nothing on m5\.xlarge: /)]);
});

test("a model that does not exist is refused", async () => {
  expect(await findOnlyFailure(run(input, { config: { MODEL_SHA256: "0".repeat(64) } }))).toMatch(
    /model: Neither s3:\/\/.*\/model\.tflite nor s3:\/\/.*\/model\.tflite exists/,
  );
});

test("a published model and wheelhouse need not be copied yet", async () => {
  const { DATA_BUCKET: bucket } = config;
  await putObject(account, bucket, "assets/model.tflite", "new");
  await putObject(account, bucket, "assets/wheelhouse.tar", "new");

  const plan = await run(input, { config: { MODEL_SHA256: sha256("new"), WHEELHOUSE_SHA256: sha256("new") } });

  const details = plan.checks
    .filter(({ name }) => name === "model" || name === "wheelhouse")
    .map(({ detail }) => detail);
  expect(details).toEqual(["assets/wheelhouse.tar", "assets/model.tflite"]);
  expect(plan.model.key).toBe(`artifacts/${sha256("new")}/model.tflite`);
});

test("a model with another sha256 is refused", async () => {
  await putObject(account, config.DATA_BUCKET, `artifacts/${config.MODEL_SHA256}/model.tflite`, "another model");
  expect(await findOnlyFailure(run())).toMatch(/model: s3:\/\/.*\/model\.tflite has sha256 /);
});

test("a service role that does not exist is refused", async () => {
  expect(await findOnlyFailure(run(input, { config: { EMR_SERVICE_ROLE: "none" } }))).toMatch(
    /emr-service-role: NoSuchEntity/,
  );
});

test("a role that does not trust EMR is refused", async () => {
  const role = uniqueName("role");
  const AssumeRolePolicyDocument = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }],
  });
  await account.iam.send(new CreateRoleCommand({ RoleName: role, AssumeRolePolicyDocument }));
  expect(await findOnlyFailure(run(input, { config: { EMR_SERVICE_ROLE: role } }))).toMatch(
    /emr-service-role: .*does not trust/,
  );
});

test("an instance profile that does not exist is refused", async () => {
  expect(await findOnlyFailure(run(input, { config: { EMR_INSTANCE_PROFILE: "none" } }))).toMatch(
    /emr-instance-profile: NoSuchEntity/,
  );
});

test("an instance profile without a role is refused", async () => {
  const profile = uniqueName("profile");
  await account.iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: profile }));
  expect(await findOnlyFailure(run(input, { config: { EMR_INSTANCE_PROFILE: profile } }))).toMatch(
    /emr-instance-profile: .* contains no role/,
  );
});

test("a subnet without the tag that EMR's policy needs is refused", async () => {
  const { Subnet } = await account.ec2.send(
    new CreateSubnetCommand({ VpcId: "vpc-00000001", CidrBlock: "172.31.96.0/20" }),
  );
  expect(await findOnlyFailure(run(input, { config: defaults({ subnetIds: [Subnet?.SubnetId] }) }))).toMatch(
    /subnet: .* has no tag/,
  );
});

test("a subnet that does not exist is refused", async () => {
  expect(await findOnlyFailure(run(input, { config: defaults({ subnetIds: ["subnet-0none"] }) }))).toMatch(
    /subnet: InvalidSubnetID\.NotFound/,
  );
});

test("a key pair that does not exist is refused", async () => {
  expect(await findOnlyFailure(run(input, { config: defaults({ keyPair: "none" }) }))).toMatch(
    /key-pair: InvalidKeyPair\.NotFound/,
  );
});

test("a key pair that EC2 does not describe is refused with its reason", async () => {
  const ec2 = answering(account.ec2, DescribeKeyPairsCommand, failing("UnauthorizedOperation", "Not allowed"));
  expect(await findOnlyFailure(run(input, { config: defaults({ keyPair: "key" }), clients: { ec2 } }))).toMatch(
    /key-pair: UnauthorizedOperation: Not allowed/,
  );
});

test.each([
  ["m6g.xlarge", { coreType: "m6g.xlarge" }, /cluster\.coreType: m6g\.xlarge is arm64, .* are x86_64: .*"m5\.xlarge"/],
  ["too much memory", { coreType: "m5.xlarge", executorMemory: "12g" }, /12g and .* do not fit .* YARN has 12g/],
])("overrides of the cluster are refused: %s", async (_what, cluster, message) => {
  await expect(run({ ...input, cluster })).rejects.toThrow(InvalidInput);
  await expect(run({ ...input, cluster })).rejects.toThrow(message);
});

test("a vCPU quota that is too small gives a warning", async () => {
  const quotas = answering(account.quotas, GetServiceQuotaCommand, () => ({ Quota: { Value: 8 } }));

  const plan = await run({ ...input, cluster: { coreCount: 4 } }, { clients: { quotas } });

  expect(plan.warnings).toEqual([
    expect.stringMatching(/^vcpu-quota: .*L-1216C47A.* allows 8 vCPUs; the cluster may need 20/),
  ]);
});

test("a vCPU quota that cannot be read gives a warning", async () => {
  const quotas = answering(account.quotas, GetServiceQuotaCommand, failing("AccessDeniedException", "No"));

  expect((await run(input, { clients: { quotas } })).warnings).toEqual([
    expect.stringMatching(/^vcpu-quota: AccessDeniedException/),
  ]);
});

test("a topic without a subscriber gives a warning", async () => {
  const { TopicArn = "" } = await account.sns.send(new CreateTopicCommand({ Name: uniqueName("topic") }));

  const plan = await run(input, { config: { TOPIC_ARN: TopicArn } });

  expect(plan.checks.filter(({ ok }) => !ok).map(({ name }) => name)).toEqual(["subscriber"]);
  expect(plan.warnings).toEqual([expect.stringMatching(/^subscriber: Nobody is subscribed/)]);
});

test("a subscriber who has not confirmed gives a warning", async () => {
  const sns = answering(account.sns, ListSubscriptionsByTopicCommand, () => ({
    Subscriptions: [{ SubscriptionArn: "PendingConfirmation", Endpoint: "a@example.com" }],
  }));

  const plan = await run(input, { clients: { sns } });

  expect(plan.warnings).toEqual([expect.stringMatching(/^subscriber: 1 subscriber\(s\), none confirmed/)]);
});
