import { randomUUID } from "node:crypto";
import { AddRoleToInstanceProfileCommand, CreateInstanceProfileCommand, CreateRoleCommand } from "@aws-sdk/client-iam";
import { CreateBucketCommand, PutObjectCommand, PutPublicAccessBlockCommand } from "@aws-sdk/client-s3";
import { CreateTopicCommand, SubscribeCommand } from "@aws-sdk/client-sns";
import { sha256 } from "../../lambdas/aws/s3.ts";
import { clusterDefaultsSchema } from "../../lambdas/contract/cluster-knobs.ts";
import type { Execution } from "../../lambdas/contract/execution.ts";
import { treeRules } from "../../lambdas/contract/image-tree.ts";
import { modelDescriptionSchema } from "../../lambdas/contract/model.ts";
import type { Plan } from "../../lambdas/contract/plan.ts";
import type { Validation } from "../../lambdas/contract/validation.ts";
import { type PlanRequest, planCluster } from "../../lambdas/planning/planner.ts";
import type { PreflightConfig } from "../../lambdas/preflight/preflight-context.ts";
import { type Ministack, region } from "./ministack.ts";

export function anExecution(name = "run-1"): Execution {
  return {
    id: `arn:aws:states:eu-west-1:000000000000:execution:Orchard:${name}`,
    name,
    startTime: new Date().toISOString(),
  };
}

export function uniqueName(prefix: string): string {
  return `${prefix}-${randomUUID().slice(0, 13)}`;
}

export async function putObject(
  { s3 }: Ministack,
  bucket: string,
  key: string,
  content: string | Uint8Array,
): Promise<void> {
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: content }));
}

export async function createBucket(account: Ministack, name = uniqueName("data")): Promise<string> {
  await account.s3.send(
    new CreateBucketCommand({ Bucket: name, CreateBucketConfiguration: { LocationConstraint: region } }),
  );
  return name;
}

/** Three labels with two images each; two begin with "Apple". */
export const labels = ["Apple Golden 1", "Apple Red é", "Banana"];
/** MobileNetV2 with the weights of ImageNet. */
export const modelDescription = modelDescriptionSchema.parse({ weights: "imagenet" });
const model = new TextEncoder().encode("a model");
const wheelhouse = new TextEncoder().encode("wheels");

/** Creates a data bucket without public access, with images and artifacts. */
async function createDataBucket(account: Ministack): Promise<string> {
  const bucket = await createBucket(account);
  await account.s3.send(
    new PutPublicAccessBlockCommand({
      Bucket: bucket,
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        IgnorePublicAcls: true,
        BlockPublicPolicy: true,
        RestrictPublicBuckets: true,
      },
    }),
  );
  for (const label of labels) {
    for (const file of ["0_100.jpg", "1_100.JPG"]) {
      await putObject(account, bucket, `data/raw/Training/${label}/${file}`, `${label}/${file}`);
    }
  }
  await putObject(account, bucket, `artifacts/${sha256(model)}/model.tflite`, model);
  await putObject(account, bucket, `artifacts/${sha256(wheelhouse)}/wheelhouse.tar`, wheelhouse);
  return bucket;
}

/** Creates EMR's service role, and the nodes' role with an instance profile of the same name. */
async function createRoles({ iam }: Ministack): Promise<{ readonly service: string; readonly nodes: string }> {
  const trust = (service: string): string =>
    JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }],
    });
  const service = uniqueName("service");
  const nodes = uniqueName("node");
  await iam.send(
    new CreateRoleCommand({ RoleName: service, AssumeRolePolicyDocument: trust("elasticmapreduce.amazonaws.com") }),
  );
  await iam.send(new CreateRoleCommand({ RoleName: nodes, AssumeRolePolicyDocument: trust("ec2.amazonaws.com") }));
  await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: nodes }));
  await iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName: nodes, RoleName: nodes }));
  return { service, nodes };
}

/** Creates a topic with one subscriber. */
async function createTopic({ sns }: Ministack): Promise<string> {
  const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: uniqueName("topic") }));
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sms", Endpoint: "+353000000" }));
  return TopicArn;
}

/** Creates the bucket, the artifacts, the roles and the topic of a deployed stack, so that Preflight succeeds. */
export async function createReadyAccount(account: Ministack): Promise<PreflightConfig> {
  const bucket = await createDataBucket(account);
  const roles = await createRoles(account);
  return {
    AWS_REGION: region,
    DATA_BUCKET: bucket,
    TOPIC_ARN: await createTopic(account),
    MODEL_SHA256: sha256(model),
    MODEL_DESCRIPTION: modelDescription,
    ALLOW_SEEDED_WEIGHTS: false,
    MODEL_ASSET: `s3://${bucket}/assets/model.tflite`,
    WHEELHOUSE_SHA256: sha256(wheelhouse),
    WHEELHOUSE_ASSET: `s3://${bucket}/assets/wheelhouse.tar`,
    ALLOW_NON_EU_REGION: false,
    INPUT_PREFIX: "data/raw/",
    EMR_SERVICE_ROLE: roles.service,
    EMR_INSTANCE_PROFILE: roles.nodes,
    CLUSTER_DEFAULTS: clusterDefaultsSchema.parse({}),
    MAX_COST_USD: 20,
    MAX_KEEP_MINUTES: 120,
  };
}

export function aPlan(bucket: string, changes: Partial<Plan> = {}, overrides: PlanRequest["overrides"] = {}): Plan {
  const runId = changes.runId ?? "run-1";
  const steps = { inventory: true, features: true, reduction: true, any: true };
  const { cluster, estimate, stepLimits } = planCluster({
    runId,
    bucket,
    work: { images: 60, newImages: 60, steps },
    maxMegapixels: 80,
    overrides: { executorMemory: "4g", executorMemoryOverhead: "2g", ...overrides },
    defaults: clusterDefaultsSchema.parse({}),
    maxCostUsd: 20,
    keepMinutes: 0,
    region,
  });
  return {
    runId,
    executionArn: anExecution(runId).id,
    mode: "mini",
    label: null,
    bucket,
    input: `s3://${bucket}/data/raw/`,
    run: `s3://${bucket}/runs/${runId}/`,
    splits: null,
    tree: treeRules("split/label"),
    usedSplits: ["Training"],
    unusedSplits: [],
    leftOut: [],
    pack: null,
    limit: 60,
    selectionRule: { labelPrefix: "Apple", label: null, limit: 60 },
    pca: { components: 50 },
    formats: ["parquet", "csv"],
    reusedFeatures: "copy",
    force: false,
    maxMegapixels: 80,
    exifRotation: false,
    jpegDraft: false,
    precision: "float32",
    quality: { maxErrorRate: 0.02, minVariance: null },
    counts: { images: 60, labels: 3, bytes: 60_000 },
    selection: "f".repeat(64),
    store: `s3://${bucket}/features-store/model=${"a".repeat(64)}/`,
    features: null,
    reuse: null,
    model: {
      key: `artifacts/${"a".repeat(64)}/model.tflite`,
      sha256: "a".repeat(64),
      ...modelDescription,
    },
    steps,
    cluster,
    stepLimits,
    borrowed: null,
    maxHours: 10,
    keepMinutes: 0,
    estimate,
    warnings: [],
    checks: [],
    ...changes,
  };
}

/** The figures of a valid run of 60 images, one of which is unreadable. */
export function aValidation(changes: Partial<Validation> = {}): Validation {
  return {
    images: 59,
    labels: 3,
    errors: 1,
    errorRate: 1 / 60,
    computed: 13,
    reused: 47,
    components: 50,
    variance: 0.93,
    warnings: [],
    results: "s3://data/runs/run-1/",
    ...changes,
  };
}
