import {
  CreateSubnetCommand,
  CreateTagsCommand,
  DescribeInstanceTypesCommand,
  DescribeKeyPairsCommand,
  ImportKeyPairCommand,
} from "@aws-sdk/client-ec2";
import { CreateInstanceProfileCommand, CreateRoleCommand } from "@aws-sdk/client-iam";
import {
  CreateBucketCommand,
  DeletePublicAccessBlockCommand,
  GetObjectCommand,
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
import { beforeEach, expect, test } from "vitest";
import { sha256 } from "../../../lambdas/aws/s3.ts";
import { clusterDefaultsSchema } from "../../../lambdas/contract/cluster-knobs.ts";
import { decoderVersion } from "../../../lambdas/contract/decoder.ts";
import type { Plan } from "../../../lambdas/contract/plan.ts";
import type { PreflightClients, PreflightConfig } from "../../../lambdas/preflight/preflight-context.ts";
import { preflight } from "../../../lambdas/preflight/run-preflight.ts";
import { InvalidInput, PreflightFailed } from "../../../lambdas/runtime/errors.ts";
import { anExecution, createBucket, createReadyAccount, labels, putObject, uniqueName } from "../fixtures.ts";
import { startMinistack } from "../ministack.ts";

const account = await startMinistack();
let config: PreflightConfig;

beforeEach(async () => {
  config = await createReadyAccount(account);
});

const input = { mode: "full", pca: { components: 2 } };

function run(
  given: unknown = input,
  changes: { config?: Partial<PreflightConfig>; clients?: Partial<PreflightClients>; name?: string } = {},
): Promise<Plan> {
  return preflight(
    { state: { input: given }, execution: anExecution(changes.name) },
    { ...config, ...changes.config },
    { ...account, ...changes.clients },
  );
}

/** The configuration of the clusters, with changes. */
function defaults(changes: object): Pick<PreflightConfig, "CLUSTER_DEFAULTS"> {
  return {
    CLUSTER_DEFAULTS: clusterDefaultsSchema.parse(changes),
  };
}

/** The real client, but for one command; for what MiniStack cannot be brought to say. */
function answering<Client extends { send: unknown }, Command>(
  client: Client,
  command: abstract new (...args: never[]) => Command,
  answer: (command: Command) => unknown,
): Client {
  const send = async (given: unknown): Promise<unknown> =>
    given instanceof command
      ? answer(given)
      : (client as unknown as { send: (command: unknown) => unknown }).send(given);
  // The SDK's paginators accept only an instance of the client's class.
  return Object.assign(Object.create(client), { send });
}

function failing(name: string, message: string): () => never {
  return () => {
    throw Object.assign(new Error(message), { name });
  };
}

/** The message of a PreflightFailed in which exactly one check failed. */
async function onlyFailure(outcome: Promise<Plan>): Promise<string> {
  const error = await outcome.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PreflightFailed);
  const { message } = error as Error;
  expect(message).toMatch(/^1 of 18 checks failed: /);
  return message;
}

test("an account that is ready gets its plan, which is also on S3", async () => {
  const plan = await run();

  expect(plan.checks.filter(({ ok }) => !ok)).toEqual([]);
  expect(plan.warnings).toEqual([]);
  expect(plan).toMatchObject({
    runId: "run-1",
    input: `s3://${config.DATA_BUCKET}/data/raw/`,
    run: `s3://${config.DATA_BUCKET}/runs/run-1/`,
    counts: { images: 6, labels: 3, bytes: 124 },
    steps: { inventory: true, features: true, reduction: true, any: true },
    cluster: {
      name: "orchard-run-1",
      releaseLabel: "emr-7.13.0",
      instances: { KeepJobFlowAliveWhenNoSteps: true, TerminationProtected: false },
    },
  });
  expect(plan.estimate.arithmetic).toMatch(/6 new images .* = 16\.2 min; .* = 0\.08 USD$/);
  const written = await account.s3.send(
    new GetObjectCommand({ Bucket: config.DATA_BUCKET, Key: "runs/run-1/plan.json" }),
  );
  expect(JSON.parse((await written.Body?.transformToString()) ?? "")).toEqual(plan);
});

test("a features store that cannot be read stops nothing: all images are quoted as new", async () => {
  const { DATA_BUCKET, MODEL_SHA256 } = config;
  await putObject(
    account,
    DATA_BUCKET,
    `features-store/model=${MODEL_SHA256}/decoder=${decoderVersion}/bad.parquet`,
    "no Parquet",
  );

  expect((await run()).estimate.arithmetic).toContain("(6 perhaps new images / ");
});

test("a subnet and a key pair that are configured reach the cluster", async () => {
  await account.ec2.send(new ImportKeyPairCommand({ KeyName: "key", PublicKeyMaterial: new Uint8Array([1]) }));
  await account.ec2.send(
    new CreateTagsCommand({
      Resources: ["subnet-00000001"],
      Tags: [{ Key: "for-use-with-amazon-emr-managed-policies", Value: "true" }],
    }),
  );

  const plan = await run(input, { config: defaults({ subnetIds: ["subnet-00000001"], keyPair: "key" }) });

  expect(plan.cluster.instances).toMatchObject({ Ec2SubnetIds: ["subnet-00000001"], Ec2KeyName: "key" });
});

test("overrides of the cluster are planned", async () => {
  const cluster = { coreType: "m5.2xlarge", coreCount: 3, market: "SPOT", ebsGiB: 128, executorMemory: "5g" };

  const plan = await run({ ...input, cluster });

  // A third of what is left of 24 GiB for each of two executors, beside a driver of 2 + 2 GiB.
  expect(plan.cluster).toMatchObject({ ...cluster, executorMemoryOverhead: "3328m", primaryType: "m5.xlarge" });
  expect(plan.cluster.instances["InstanceFleets"]).toMatchObject([
    { InstanceFleetType: "MASTER", TargetOnDemandCapacity: 1 },
    { InstanceFleetType: "CORE", TargetSpotCapacity: 3, InstanceTypeConfigs: [{ InstanceType: "m5.2xlarge" }] },
  ]);
});

test.each([
  ["inventory", {}, 6, 3, false],
  ["apples", {}, 4, 2, true],
  ["mini", { limit: 3 }, 3, 2, true],
  ["full", { limit: 5 }, 5, 3, true],
  ["single-class", { label: "Apple Red é" }, 2, 1, true],
])("mode %s %j counts its selection", async (mode, more, images, labelCount, features) => {
  const plan = await run({ mode, pca: { components: 1 }, ...more });

  expect(plan.counts).toMatchObject({ images, labels: labelCount });
  expect(plan.steps).toEqual({ inventory: true, features, reduction: features, any: true });
});

test("only images directly under <split>/<label>/ count, in the chosen splits", async () => {
  const { DATA_BUCKET } = config;
  for (const key of [
    "Training/stray.jpg",
    "Training/Banana/notes.txt",
    "Training/Banana/deep/x.jpg",
    "Test/Kiwi/a.png",
  ])
    await putObject(account, DATA_BUCKET, `data/raw/${key}`, "x");

  expect((await run()).counts.images).toBe(6);
  expect((await run({ ...input, splits: ["Training", "Test"] })).counts).toMatchObject({ images: 7, labels: 4 });
});

test.each([
  [
    { mode: "single-class", label: "Apple Golde 1" },
    /label: there is no "Apple Golde 1"\. Did you mean "Apple Golden 1"/,
  ],
  [
    { mode: "full", splits: ["training"] },
    /splits: there is no "training" .* Did you mean "Training"\? Folders there: "Training"/,
  ],
  [{ mode: "full" }, /pca\.components: 50 is too many for 6 images; the maximum is 5/],
  [{ mode: "full", pca: { components: 6 } }, /pca\.components: 6 .* maximum is 5/],
  [{ ...input, maxCostUsd: 0.05 }, /maxCostUsd: the plan is estimated at 0\.08 USD, the ceiling is 0\.05 USD/],
])("refuses %j, which the images do not allow", async (given, message) => {
  await expect(run(given)).rejects.toThrow(InvalidInput);
  await expect(run(given)).rejects.toThrow(message);
});

test("files that are left out are told in the plan, and splits that are not used", async () => {
  for (const key of ["Training/Banana/deep/x.jpg", "Training/Banana/._0.jpg", "Test/Kiwi/a.png"])
    await putObject(account, config.DATA_BUCKET, `data/raw/${key}`, "x");

  const plan = await run();

  expect(plan).toMatchObject({
    tree: { layout: "split/label" },
    splits: ["Training"],
    usedSplits: ["Training"],
    unusedSplits: ["Test"],
    leftOut: [
      { reason: "hidden", count: 1, examples: ["Training/Banana/._0.jpg"] },
      { reason: "deep", count: 1, examples: ["Training/Banana/deep/x.jpg"] },
    ],
  });
  expect(plan.warnings).toHaveLength(2);
  expect(plan.warnings[1]).toBe('Left out: 1 file, deeper than a label folder: "Training/Banana/deep/x.jpg"');
});

test("a tree without splits is planned with its layout, and has no splits to choose", async () => {
  for (const key of ["Apple/1.jpg", "Apple/2.jpg", "Kiwi/3.jpg"])
    await putObject(account, config.DATA_BUCKET, `data/flat/${key}`, "x");
  const flat = { mode: "full", pca: { components: 1 }, input: `s3://${config.DATA_BUCKET}/data/flat/` };

  const plan = await run(flat);

  expect(plan).toMatchObject({
    tree: { layout: "label" },
    splits: null,
    usedSplits: [],
    counts: { images: 3, labels: 2 },
  });
  await expect(run({ ...flat, splits: ["Apple"] })).rejects.toThrow(/splits: .* has none, its images are at <label>/);
});

test("a label matches in another Unicode form, and no suggestion looks like the given name", async () => {
  for (const number of [1, 2])
    await putObject(account, config.DATA_BUCKET, `data/raw/Training/${"Été".normalize("NFD")}/${number}.jpg`, "x");
  const input = { mode: "single-class", pca: { components: 1 } };

  expect((await run({ ...input, label: "Été".normalize("NFC") })).counts.images).toBe(2);
  await expect(run({ ...input, label: "Étés" })).rejects.toThrow(/there is no "Étés"\. Did you mean "E\u0301t/);
});

test("the components are bounded by the features, too", async () => {
  const root = "data/raw/Training/Many/";
  const Contents = Array.from({ length: 1300 }, (_, n) => ({ Key: `${root}${n}.jpg`, Size: 1 }));
  const CommonPrefixes: Readonly<Record<string, { Prefix: string }[]>> = {
    "data/raw/": [{ Prefix: "data/raw/Training/" }],
    "data/raw/Training/": [{ Prefix: root }],
  };
  const s3 = answering(account.s3, ListObjectsV2Command, ({ input: { Prefix = "" } }) =>
    Prefix === root ? { Contents } : { CommonPrefixes: CommonPrefixes[Prefix] },
  );

  await expect(run({ mode: "full", pca: { components: 1281 } }, { clients: { s3 } })).rejects.toThrow(
    /pca\.components: 1281 is too many for 1300 images; the maximum is 1280/,
  );
});

test("a mode that selects nothing is refused with the labels that are there", async () => {
  await putObject(account, config.DATA_BUCKET, "other/Training/Kiwi/0.jpg", "x");
  await putObject(account, config.DATA_BUCKET, "other/Training/Lemon/0.jpg", "x");

  await expect(run({ mode: "apples", input: `s3://${config.DATA_BUCKET}/other` })).rejects.toThrow(
    /mode: "apples" selects no image .* Labels there: "Kiwi", "Lemon"/,
  );
});

test("an empty folder is refused with the layout that it has to have", async () => {
  const empty = { mode: "mini", input: `s3://${config.DATA_BUCKET}/nothing/` };

  await expect(run(empty)).rejects.toThrow(InvalidInput);
  await expect(run(empty)).rejects.toThrow(/no images under s3:.*<split>\/<label>\/<image>\.jpg/);
});

test("a single image is refused for a PCA and fine for an inventory", async () => {
  await putObject(account, config.DATA_BUCKET, "data/one/Training/Kiwi/0.jpg", "x");
  const one = { input: `s3://${config.DATA_BUCKET}/data/one/` };

  await expect(run({ mode: "full", ...one })).rejects.toThrow(/at least 2/);
  expect((await run({ mode: "inventory", ...one })).counts.images).toBe(1);
});

test("bad input is told together with what is wrong with the account", async () => {
  await expect(run({ mode: "full" }, { config: { EMR_SERVICE_ROLE: "none" } })).rejects.toThrow(
    /2 problems:\n- pca\.components: .*\n- emr-service-role: /,
  );
});

test("every failed check is listed, not only the first", async () => {
  await expect(
    run(input, {
      config: { EMR_SERVICE_ROLE: "none", EMR_INSTANCE_PROFILE: "none", ...defaults({ keyPair: "none" }) },
    }),
  ).rejects.toThrow(/^3 of 18 checks failed:\n- emr-service-role: .*\n- emr-instance-profile: .*\n- key-pair: /);
});

// Each check fails alone.

test("region", async () => {
  // Zurich, by its name, is not in the EU; the bucket is elsewhere, too.
  await expect(run(input, { config: { AWS_REGION: "eu-central-2" } })).rejects.toThrow(
    /- region: eu-central-2 is not in the European Union\./,
  );
  await expect(run(input, { config: { AWS_REGION: "eu-central-2", ALLOW_NON_EU_REGION: true } })).rejects.not.toThrow(
    /region: eu-central-2 is not/,
  );
});

test("credentials", async () => {
  const sts = answering(account.sts, GetCallerIdentityCommand, failing("ExpiredToken", "The token has expired"));
  expect(await onlyFailure(run(input, { clients: { sts } }))).toMatch(
    /credentials: ExpiredToken: The token has expired/,
  );
});

test.each(["a*b", "it's", "()", "😀"])("execution-name %s", async (name) => {
  expect(await onlyFailure(run(input, { name }))).toMatch(/execution-name: .* Start again with a name of letters/);
});

test("execution-name ..", async () => {
  expect(await onlyFailure(run(input, { name: ".." }))).toMatch(/execution-name: "\.\." refers to another folder/);
});

test("execution-name with every legal character", async () => {
  expect((await run(input, { name: "Été 1_.:/=+-@" })).runId).toBe("Été 1_.:/=+-@");
});

test("model-weights", async () => {
  expect(await onlyFailure(run(input, { config: { MODEL_WEIGHTS: "seeded" } }))).toMatch(/model-weights: .*random/);
});

test("seeded weights that are allowed are said loudly", async () => {
  const plan = await run(input, { config: { MODEL_WEIGHTS: "seeded", ALLOW_SEEDED_WEIGHTS: true } });

  expect(plan.warnings).toEqual([expect.stringMatching(/SEEDED RANDOM WEIGHTS/)]);
});

test("bucket, in another region", async () => {
  const elsewhere = uniqueName("elsewhere");
  await account.s3In("us-east-1").send(new CreateBucketCommand({ Bucket: elsewhere }));

  const error = await run(input, { config: { DATA_BUCKET: elsewhere } }).catch((thrown: unknown) => String(thrown));

  expect(error).toMatch(new RegExp(`bucket: ${elsewhere} is in us-east-1, the workflow runs in eu-west-1`));
});

test("bucket, alone", async () => {
  expect(await onlyFailure(run(input, { config: { AWS_REGION: "eu-central-1" } }))).toMatch(
    /bucket: .* is in eu-west-1, the workflow runs in eu-central-1/,
  );
});

test("bucket, absent", async () => {
  const error = await run(input, { config: { DATA_BUCKET: "no-such-bucket" } }).catch((thrown: unknown) =>
    String(thrown),
  );

  expect(error).toMatch(/bucket: There is no bucket no-such-bucket/);
});

test("bucket-public-access, absent", async () => {
  await account.s3.send(new DeletePublicAccessBlockCommand({ Bucket: config.DATA_BUCKET }));
  expect(await onlyFailure(run())).toMatch(/bucket-public-access: .* has no public access block/);
});

test("bucket-public-access, half open", async () => {
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
  expect(await onlyFailure(run())).toMatch(/bucket-public-access: .* does not set BlockPublicPolicy/);
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

test("bucket-replication, to another region", async () => {
  const target = uniqueName("copy");
  const elsewhere = account.s3In("us-east-1");
  await elsewhere.send(new CreateBucketCommand({ Bucket: target }));
  await replicateTo(target, elsewhere);

  expect(await onlyFailure(run())).toMatch(/bucket-replication: .* is replicated to copy-.* in us-east-1/);
});

test("bucket-replication within the region is fine", async () => {
  await replicateTo(await createBucket(account), account.s3);

  const check = (await run()).checks.find(({ name }) => name === "bucket-replication");

  expect(check).toMatchObject({ ok: true, detail: "replicated within eu-west-1" });
});

test("input-images, where the cluster may not read", async () => {
  expect(await onlyFailure(run({ ...input, input: "s3://no-such-bucket/tree/" }))).toMatch(
    /input-images: s3:\/\/no-such-bucket\/tree\/ is not under s3:\/\/.*\/data\//,
  );
});

test("input-images, which may not be listed", async () => {
  const s3 = answering(account.s3, ListObjectsV2Command, failing("AccessDenied", "Access Denied"));
  expect(await onlyFailure(run(input, { clients: { s3 } }))).toMatch(
    /input-images: s3:.*\/data\/raw\/ cannot be listed: AccessDenied/,
  );
});

test("scripts-uploadable", async () => {
  const s3 = answering(account.s3, PutObjectCommand, failing("AccessDenied", "Access Denied"));
  expect(await onlyFailure(run(input, { clients: { s3 } }))).toMatch(/scripts-uploadable: AccessDenied: Access Denied/);
});

test("scripts-uploadable, into a bucket that encrypts with KMS", async () => {
  const s3 = answering(account.s3, PutObjectCommand, () => ({ ServerSideEncryption: "aws:kms" }));
  expect(await onlyFailure(run(input, { clients: { s3 } }))).toMatch(
    /scripts-uploadable: .* encrypts with KMS, which is not supported: make SSE-S3/,
  );
});

test("wheelhouse", async () => {
  expect(await onlyFailure(run(input, { config: { WHEELHOUSE_SHA256: "0".repeat(64) } }))).toMatch(
    /wheelhouse: Neither s3:\/\/.*\/wheelhouse\.tar nor s3:\/\/.*\/wheelhouse\.tar exists/,
  );
});

test("model, absent", async () => {
  expect(await onlyFailure(run(input, { config: { MODEL_SHA256: "0".repeat(64) } }))).toMatch(
    /model: Neither s3:\/\/.*\/model\.tflite nor s3:\/\/.*\/model\.tflite exists/,
  );
});

test("model and wheelhouse, published and not copied yet", async () => {
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

test("model, another content", async () => {
  await putObject(account, config.DATA_BUCKET, `artifacts/${config.MODEL_SHA256}/model.tflite`, "another model");
  expect(await onlyFailure(run())).toMatch(/model: s3:\/\/.*\/model\.tflite has sha256 /);
});

test("emr-service-role, absent", async () => {
  expect(await onlyFailure(run(input, { config: { EMR_SERVICE_ROLE: "none" } }))).toMatch(
    /emr-service-role: NoSuchEntity/,
  );
});

test("emr-service-role, of another service", async () => {
  const role = uniqueName("role");
  const AssumeRolePolicyDocument = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }],
  });
  await account.iam.send(new CreateRoleCommand({ RoleName: role, AssumeRolePolicyDocument }));
  expect(await onlyFailure(run(input, { config: { EMR_SERVICE_ROLE: role } }))).toMatch(
    /emr-service-role: .*does not trust/,
  );
});

test("emr-instance-profile, absent", async () => {
  expect(await onlyFailure(run(input, { config: { EMR_INSTANCE_PROFILE: "none" } }))).toMatch(
    /emr-instance-profile: NoSuchEntity/,
  );
});

test("emr-instance-profile, empty", async () => {
  const profile = uniqueName("profile");
  await account.iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: profile }));
  expect(await onlyFailure(run(input, { config: { EMR_INSTANCE_PROFILE: profile } }))).toMatch(
    /emr-instance-profile: .* contains no role/,
  );
});

test("subnet, without the tag that EMR's policy asks for", async () => {
  const { Subnet } = await account.ec2.send(
    new CreateSubnetCommand({ VpcId: "vpc-00000001", CidrBlock: "172.31.96.0/20" }),
  );
  expect(await onlyFailure(run(input, { config: defaults({ subnetIds: [Subnet?.SubnetId] }) }))).toMatch(
    /subnet: .* has no tag/,
  );
});

test("subnet, absent", async () => {
  expect(await onlyFailure(run(input, { config: defaults({ subnetIds: ["subnet-0none"] }) }))).toMatch(
    /subnet: InvalidSubnetID\.NotFound/,
  );
});

test("key-pair", async () => {
  expect(await onlyFailure(run(input, { config: defaults({ keyPair: "none" }) }))).toMatch(
    /key-pair: InvalidKeyPair\.NotFound/,
  );
});

test("key-pair, of which EC2 knows nothing", async () => {
  const ec2 = answering(account.ec2, DescribeKeyPairsCommand, failing("UnauthorizedOperation", "Not allowed"));
  expect(await onlyFailure(run(input, { config: defaults({ keyPair: "key" }), clients: { ec2 } }))).toMatch(
    /key-pair: UnauthorizedOperation: Not allowed/,
  );
});

test("instance-types", async () => {
  const ec2 = answering(account.ec2, DescribeInstanceTypesCommand, () => ({ InstanceTypes: [] }));
  expect(await onlyFailure(run(input, { clients: { ec2 } }))).toMatch(
    /instance-types: Not offered in this region: m5\.xlarge, m6i\.xlarge, m5a\.xlarge\. Choose others/,
  );
});

test.each([
  ["m6g.xlarge", { coreType: "m6g.xlarge" }, /cluster\.coreType: m6g\.xlarge is arm64, .* are x86_64: .*"m5\.xlarge"/],
  ["too much memory", { coreType: "m5.xlarge", executorMemory: "12g" }, /12g and .* do not fit .* YARN has 12g/],
])("cluster, %s, is refused", async (_what, cluster, message) => {
  await expect(run({ ...input, cluster })).rejects.toThrow(InvalidInput);
  await expect(run({ ...input, cluster })).rejects.toThrow(message);
});

test("vcpu-quota, which is too small: a warning", async () => {
  const quotas = answering(account.quotas, GetServiceQuotaCommand, () => ({ Quota: { Value: 8 } }));

  const plan = await run({ ...input, cluster: { coreCount: 4 } }, { clients: { quotas } });

  expect(plan.warnings).toEqual([expect.stringMatching(/^vcpu-quota: .*L-1216C47A.* allows 8 vCPUs.* may take 20/)]);
});

test("vcpu-quota, which cannot be read: a warning", async () => {
  const quotas = answering(account.quotas, GetServiceQuotaCommand, failing("AccessDeniedException", "No"));

  expect((await run(input, { clients: { quotas } })).warnings).toEqual([
    expect.stringMatching(/^vcpu-quota: AccessDeniedException/),
  ]);
});

test("subscriber, none: a warning, and the run goes on", async () => {
  const { TopicArn = "" } = await account.sns.send(new CreateTopicCommand({ Name: uniqueName("topic") }));

  const plan = await run(input, { config: { TOPIC_ARN: TopicArn } });

  expect(plan.checks.filter(({ ok }) => !ok).map(({ name }) => name)).toEqual(["subscriber"]);
  expect(plan.warnings).toEqual([expect.stringMatching(/^subscriber: Nobody is subscribed/)]);
});

test("subscriber, not confirmed: a warning", async () => {
  const sns = answering(account.sns, ListSubscriptionsByTopicCommand, () => ({
    Subscriptions: [{ SubscriptionArn: "PendingConfirmation", Endpoint: "a@example.com" }],
  }));

  const plan = await run(input, { clients: { sns } });

  expect(plan.warnings).toEqual([expect.stringMatching(/^subscriber: 1 subscriber\(s\), none confirmed/)]);
});

test("labels of the fixture are what these tests count on", () => {
  expect(labels.filter((label) => label.startsWith("Apple"))).toHaveLength(2);
});
