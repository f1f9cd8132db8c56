import {
  DescribeInstanceTypesCommand,
  DescribeKeyPairsCommand,
  DescribeSubnetsCommand,
  type EC2Client,
} from "@aws-sdk/client-ec2";
import type { EMRClient } from "@aws-sdk/client-emr";
import { GetInstanceProfileCommand, GetRoleCommand, type IAMClient } from "@aws-sdk/client-iam";
import {
  DeleteObjectCommand,
  GetBucketReplicationCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { GetServiceQuotaCommand, type ServiceQuotasClient } from "@aws-sdk/client-service-quotas";
import type { SFNClient } from "@aws-sdk/client-sfn";
import { ListSubscriptionsByTopicCommand, type SNSClient } from "@aws-sdk/client-sns";
import { GetCallerIdentityCommand, type STSClient } from "@aws-sdk/client-sts";
import { describeError, isNamed } from "../aws/errors.ts";
import { objectExists, objectSha256, parseS3Uri, type S3Location } from "../aws/s3.ts";
import { instanceType } from "../catalog/instance-types.ts";
import { euRegions, isInEu } from "../catalog/regions.ts";
import type { ClusterPlan } from "../contract/cluster-plan.ts";
import type { Execution } from "../contract/execution.ts";
import type { Check, Plan } from "../contract/plan.ts";
import { artifactKey } from "../contract/s3-layout.ts";
import { fleetTypesOf } from "../planning/run-job-flow.ts";
import type { Environment } from "../runtime/environment.ts";

export type PreflightConfig = Omit<Environment, "LAMBDA_TASK_ROOT" | "STATE_MACHINE_ARN" | "MAX_CLUSTER_HOURS">;

export interface PreflightClients {
  readonly s3: S3Client;
  readonly sts: STSClient;
  readonly iam: IAMClient;
  readonly ec2: EC2Client;
  readonly sns: SNSClient;
  readonly quotas: ServiceQuotasClient;
  /** Asked about a kept cluster alone, and who uses it. */
  readonly emr: EMRClient;
  readonly sfn: SFNClient;
}

/** One question to the account. */
export interface CheckSpec {
  readonly name: string;
  readonly remedy: string;
  /** A failed warning is reported and does not stop the run. */
  readonly isWarning?: boolean;
  /** Answers what was found; throws what is wrong. */
  readonly run: () => Promise<string> | string;
}

export interface CheckOutcome extends Check {
  readonly isWarning: boolean;
}

/** A check's own finding, told without an error name. */
export class Finding extends Error {}

const maxDetailLength = 300;

/** Runs all the checks, whatever the others say. */
export function runChecks(specs: readonly CheckSpec[]): Promise<readonly CheckOutcome[]> {
  return Promise.all(
    specs.map(async ({ name, remedy, isWarning = false, run }) => {
      try {
        return { name, ok: true, detail: await run(), remedy: "", isWarning };
      } catch (error) {
        const detail = error instanceof Finding ? error.message : describeError(error);
        return { name, ok: false, detail: detail.slice(0, maxDetailLength), remedy, isWarning };
      }
    }),
  );
}

/** Where a bucket is. S3 says so even when it refuses the request, as for another region's or another owner's bucket. */
async function bucketRegion(s3: S3Client, bucket: string): Promise<string> {
  try {
    const { BucketRegion } = await s3.send(new HeadBucketCommand({ Bucket: bucket }));
    if (BucketRegion) return BucketRegion;
  } catch (error) {
    const region = error instanceof S3ServiceException ? error.$response?.headers["x-amz-bucket-region"] : undefined;
    if (!region) throw error;
    return region;
  }
  throw new Finding(`S3 does not say in which region ${bucket} is`);
}

async function checkBucket(s3: S3Client, bucket: string, region: string): Promise<string> {
  try {
    const actual = await bucketRegion(s3, bucket);
    if (actual !== region) throw new Finding(`${bucket} is in ${actual}, the workflow runs in ${region}`);
    return `${bucket} is in ${region}`;
  } catch (error) {
    if (isNamed(error, "NotFound", "NoSuchBucket")) throw new Finding(`There is no bucket ${bucket}`);
    throw error;
  }
}

async function checkPublicAccess(s3: S3Client, bucket: string): Promise<string> {
  try {
    const { PublicAccessBlockConfiguration: block } = await s3.send(
      new GetPublicAccessBlockCommand({ Bucket: bucket }),
    );
    const settings = {
      BlockPublicAcls: block?.BlockPublicAcls,
      IgnorePublicAcls: block?.IgnorePublicAcls,
      BlockPublicPolicy: block?.BlockPublicPolicy,
      RestrictPublicBuckets: block?.RestrictPublicBuckets,
    };
    const open = Object.entries(settings).flatMap(([name, isSet]) => (isSet === true ? [] : [name]));
    if (open.length > 0) throw new Finding(`${bucket} does not set ${open.join(", ")}`);
    return `${bucket} blocks all public access`;
  } catch (error) {
    if (isNamed(error, "NoSuchPublicAccessBlockConfiguration"))
      throw new Finding(`${bucket} has no public access block`);
    throw error;
  }
}

async function checkReplication(s3: S3Client, bucket: string, region: string): Promise<string> {
  try {
    const { ReplicationConfiguration } = await s3.send(new GetBucketReplicationCommand({ Bucket: bucket }));
    const targets = (ReplicationConfiguration?.Rules ?? [])
      .filter(({ Status }) => Status === "Enabled")
      .flatMap(({ Destination }) => Destination?.Bucket?.split(":::")[1] ?? []);
    for (const target of targets) {
      const actual = await bucketRegion(s3, target);
      if (actual !== region) throw new Finding(`${bucket} is replicated to ${target} in ${actual}`);
    }
    return targets.length === 0 ? "not replicated" : `replicated within ${region}`;
  } catch (error) {
    if (isNamed(error, "ReplicationConfigurationNotFoundError")) return "not replicated";
    throw error;
  }
}

/**
 * Writes and deletes a probe: the only way to know that a policy, a key and a quota let objects in. What S3 says of it
 * tells how the bucket encrypts, too.
 */
async function checkWritable(s3: S3Client, bucket: string, runId: string): Promise<string> {
  const Key = `artifacts/preflight-probe/${runId}`;
  const { ServerSideEncryption: encryption } = await s3.send(
    new PutObjectCommand({ Bucket: bucket, Key, Body: "probe" }),
  );
  await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
  // The nodes' role has no right to the key, and an etag changes with each upload of the same image.
  if (encryption?.startsWith("aws:kms")) {
    throw new Finding(
      `${bucket} encrypts with KMS, which is not supported: give it SSE-S3 (AES256) by default, or take another bucket`,
    );
  }
  return `s3://${bucket}/artifacts/ can be written`;
}

/** Where a run would take an artifact from: its content address, or what the deployment published to be copied there. */
async function findArtifact(s3: S3Client, artifact: S3Location, asset: string): Promise<S3Location> {
  if (await objectExists(s3, artifact)) return artifact;
  const published = parseS3Uri(asset);
  // Without s3:ListBucket, S3 says Forbidden of what is not there, and the check's remedy is the same.
  if (await objectExists(s3, published)) return published;
  throw new Finding(`Neither s3://${artifact.bucket}/${artifact.key} nor ${asset} is there`);
}

async function checkModel(s3: S3Client, artifact: S3Location, asset: string, digest: string): Promise<string> {
  const found = await findArtifact(s3, artifact, asset);
  const actual = await objectSha256(s3, found);
  if (actual !== digest) throw new Finding(`s3://${found.bucket}/${found.key} has sha256 ${actual}`);
  return found.key;
}

async function checkServiceRole(iam: IAMClient, name: string): Promise<string> {
  const { Role } = await iam.send(new GetRoleCommand({ RoleName: name }));
  const trust = decodeURIComponent(Role?.AssumeRolePolicyDocument ?? "");
  if (!trust.includes("elasticmapreduce.amazonaws.com"))
    throw new Finding(`Role ${name} does not trust elasticmapreduce.amazonaws.com`);
  return name;
}

async function checkInstanceProfile(iam: IAMClient, name: string): Promise<string> {
  const { InstanceProfile } = await iam.send(new GetInstanceProfileCommand({ InstanceProfileName: name }));
  const [role] = InstanceProfile?.Roles ?? [];
  if (!role) throw new Finding(`Instance profile ${name} holds no role`);
  return `${name} with role ${role.RoleName}`;
}

const emrPolicyTag = "for-use-with-amazon-emr-managed-policies";

/** EMR takes one of the subnets, so each has to do. */
async function checkSubnets(ec2: EC2Client, subnetIds: readonly string[], nodes: number): Promise<string> {
  if (subnetIds.length === 0) return "none configured: EMR takes the default VPC's";
  const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({ SubnetIds: [...subnetIds] }));
  const found = subnetIds.map((subnetId) => {
    const subnet = Subnets.find(({ SubnetId }) => SubnetId === subnetId);
    if (!subnet) throw new Finding(`There is no subnet ${subnetId}`);
    const free = subnet.AvailableIpAddressCount ?? 0;
    // AmazonEMRServicePolicy_v2 allows EMR nothing in a subnet without it.
    if (!subnet.Tags?.some(({ Key, Value }) => Key === emrPolicyTag && Value === "true")) {
      throw new Finding(`${subnetId} has no tag ${emrPolicyTag}=true, without which EMR may not use it`);
    }
    if (free < nodes) throw new Finding(`${subnetId} has ${free} free addresses, the cluster needs ${nodes}`);
    return `${subnetId} in ${subnet.AvailabilityZone}, ${free} free addresses`;
  });
  return found.join("; ");
}

async function checkKeyPair(ec2: EC2Client, keyPair: string | null | undefined): Promise<string> {
  if (!keyPair) return "none configured";
  await ec2.send(new DescribeKeyPairsCommand({ KeyNames: [keyPair] }));
  return keyPair;
}

/** DescribeInstanceTypes answers for the region that it is asked in, and refuses a type that is not offered there. */
async function isOffered(ec2: EC2Client, type: string): Promise<boolean> {
  try {
    const command = new DescribeInstanceTypesCommand({ InstanceTypes: [type as "m5.xlarge"] });
    return ((await ec2.send(command)).InstanceTypes ?? []).some(({ InstanceType }) => InstanceType === type);
  } catch (error) {
    if (isNamed(error, "InvalidInstanceType")) return false;
    throw error;
  }
}

/** A fleet does with one of its types. */
async function checkInstanceTypes(ec2: EC2Client, cluster: ClusterPlan): Promise<string> {
  const fleets = fleetTypesOf(cluster);
  const types = [...new Set(fleets.flat())];
  const answers = await Promise.all(types.map((type) => isOffered(ec2, type)));
  const offered = types.filter((_, index) => answers[index]);
  for (const fleet of fleets) {
    if (!fleet.some((type) => offered.includes(type)))
      throw new Finding(`Not offered in this region: ${fleet.join(", ")}`);
  }
  return offered.join(", ");
}

/** vCPUs of the standard families that an account may run in a region at a time (Service Quotas, service ec2). */
const vcpuQuotas = {
  ON_DEMAND: { code: "L-1216C47A", name: "Running On-Demand Standard instances" },
  SPOT: { code: "L-34B43A08", name: "All Standard Spot Instance Requests" },
} as const;

/** Other instances of the account use the same quota; how many, this does not see. */
async function checkVcpuQuotas(quotas: ServiceQuotasClient, cluster: ClusterPlan): Promise<string> {
  const nodes = cluster.coreCount === 0 ? 0 : Math.max(cluster.coreCount, cluster.maxCoreCount);
  const core = nodes * instanceType(cluster.coreType).vcpus;
  const primary = instanceType(cluster.primaryType).vcpus;
  const wanted: Readonly<Record<keyof typeof vcpuQuotas, number>> =
    cluster.market === "SPOT" ? { ON_DEMAND: primary, SPOT: core } : { ON_DEMAND: primary + core, SPOT: 0 };
  const found: string[] = [];
  for (const [market, vcpus] of Object.entries(wanted) as [keyof typeof vcpuQuotas, number][]) {
    if (vcpus === 0) continue;
    const { code, name } = vcpuQuotas[market];
    const { Quota } = await quotas.send(new GetServiceQuotaCommand({ ServiceCode: "ec2", QuotaCode: code }));
    const allowed = Quota?.Value;
    if (allowed === undefined) throw new Error(`Service Quotas gives no value of ${code}`);
    if (allowed < vcpus)
      throw new Finding(`${name} (${code}) allows ${allowed} vCPUs, the cluster may take ${vcpus} of them`);
    found.push(`${vcpus} of ${allowed} vCPUs (${code})`);
  }
  return found.join(", ");
}

async function checkSubscriber(sns: SNSClient, topicArn: string): Promise<string> {
  let NextToken: string | undefined;
  let pending = 0;
  do {
    const page = await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn: topicArn, NextToken }));
    for (const { SubscriptionArn, Endpoint } of page.Subscriptions ?? []) {
      if (SubscriptionArn?.startsWith("arn:")) return `${Endpoint} is subscribed`;
      pending += 1;
    }
    NextToken = page.NextToken;
  } while (NextToken);
  throw new Finding(
    pending === 0
      ? "Nobody is subscribed: the mail about this run reaches nobody"
      : `${pending} subscriber(s), none confirmed`,
  );
}

/** What EMR takes as a tag's value: the cluster is found again by the execution's name and ARN. */
const legalTagValue = /^[\p{L}\p{N}\p{Zs}_.:/=+\-@]+$/u;

function checkExecutionName(name: string): string {
  if (!legalTagValue.test(name))
    throw new Finding(`${JSON.stringify(name)} has characters that a tag's value cannot have`);
  if (/^\.+$/.test(name)) throw new Finding(`${JSON.stringify(name)} means another folder`);
  return name;
}

function checkWeights(config: PreflightConfig): string {
  if (config.MODEL_WEIGHTS === "imagenet") return "ImageNet's";
  if (config.ALLOW_SEEDED_WEIGHTS) return "SEEDED RANDOM WEIGHTS, allowed by configuration";
  throw new Finding("The model has seeded random weights: its features mean nothing");
}

export interface CheckContext {
  readonly config: PreflightConfig;
  readonly clients: PreflightClients;
  readonly execution: Execution;
  readonly cluster: Plan["cluster"];
  /** Where the images are, as an s3:// URI. */
  readonly input: string;
  /** Answers how many images were found; rejects with what listing them met. */
  readonly imageCount: () => Promise<number>;
}

/** Everything that Preflight asks, in the order in which people set it up. */
export function preflightChecks({ config, clients, execution, cluster, input, imageCount }: CheckContext): CheckSpec[] {
  const { s3, sts, iam, ec2, sns, quotas } = clients;
  const clusters = config.CLUSTER_DEFAULTS;
  const bucket = config.DATA_BUCKET;
  const region = config.AWS_REGION;
  return [
    {
      name: "region",
      remedy: `Deploy to one of ${euRegions.join(", ")}, or set allowNonEuRegion in the stack's configuration`,
      run: () => {
        if (!isInEu(region) && !config.ALLOW_NON_EU_REGION) throw new Finding(`${region} is not in the European Union`);
        return region;
      },
    },
    {
      name: "credentials",
      remedy: "Look at the function's role",
      run: async () => (await sts.send(new GetCallerIdentityCommand({}))).Arn ?? "known",
    },
    {
      name: "execution-name",
      remedy: "Start again with a name of letters, digits and _ . : / = + - @, or with none",
      run: () => checkExecutionName(execution.name),
    },
    {
      name: "model-weights",
      remedy:
        "Make the model where there is a network (npm run model -- --force) and deploy again, or set allowSeededWeights for a trial",
      run: () => checkWeights(config),
    },
    {
      name: "bucket",
      remedy: `Deploy the stack again in ${region}: it owns the bucket`,
      run: () => checkBucket(s3, bucket, region),
    },
    {
      name: "bucket-public-access",
      remedy: `Deploy the stack again, or: aws s3api put-public-access-block --bucket ${bucket} --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true`,
      run: () => checkPublicAccess(s3, bucket),
    },
    {
      name: "bucket-replication",
      remedy: `Remove the rule that copies out of ${region}: aws s3api delete-bucket-replication --bucket ${bucket}`,
      run: () => checkReplication(s3, bucket, region),
    },
    {
      name: "input-images",
      remedy: "Put the images there, and look at whether the function may list the prefix",
      run: async () => {
        // The role of the cluster's machines reads nothing else; the failure would come when the cluster is paid for.
        const readable = [...new Set(["data/", config.INPUT_PREFIX])].map((prefix) => `s3://${bucket}/${prefix}`);
        if (!readable.some((prefix) => input.startsWith(prefix)))
          throw new Finding(`${input} is not under ${readable.join(" or ")}, where the cluster may read`);
        try {
          return `${await imageCount()} images`;
        } catch (error) {
          throw new Finding(`${input} cannot be listed: ${describeError(error)}`);
        }
      },
    },
    {
      name: "scripts-uploadable",
      remedy: "Look at the function's role and the bucket's policy and encryption key",
      run: () => checkWritable(s3, bucket, execution.name),
    },
    {
      name: "wheelhouse",
      remedy: "Deploy again: that uploads the wheels for the nodes",
      run: async () => {
        const artifact = { bucket, key: artifactKey(config.WHEELHOUSE_SHA256, "wheelhouse.tar") };
        return (await findArtifact(s3, artifact, config.WHEELHOUSE_ASSET)).key;
      },
    },
    {
      name: "model",
      remedy: "Make the model again (npm run model -- --force) and deploy: that uploads it",
      run: () => {
        const artifact = { bucket, key: artifactKey(config.MODEL_SHA256, "model.tflite") };
        return checkModel(s3, artifact, config.MODEL_ASSET, config.MODEL_SHA256);
      },
    },
    {
      name: "emr-service-role",
      remedy: "Deploy the stack again: it owns the role",
      run: () => checkServiceRole(iam, config.EMR_SERVICE_ROLE),
    },
    {
      name: "emr-instance-profile",
      remedy: "Deploy the stack again: it owns the instance profile",
      run: () => checkInstanceProfile(iam, config.EMR_INSTANCE_PROFILE),
    },
    {
      name: "subnet",
      remedy: "Set the subnets in the stack's configuration to tagged ones with room",
      run: () => checkSubnets(ec2, clusters.subnetIds, Math.max(cluster.coreCount, cluster.maxCoreCount) + 1),
    },
    {
      name: "key-pair",
      remedy: "Create the key pair, or take keyPair out of the stack's configuration",
      run: () => checkKeyPair(ec2, clusters.keyPair),
    },
    {
      name: "instance-types",
      remedy: 'Choose others with {"cluster": {"primaryType": …, "coreType": …}}',
      run: () => checkInstanceTypes(ec2, cluster),
    },
    {
      name: "vcpu-quota",
      isWarning: true,
      remedy:
        "If EC2 refuses the nodes: aws service-quotas request-service-quota-increase --service-code ec2 --quota-code <code> --desired-value <vCPUs>, or ask for fewer with cluster.coreCount",
      run: () => checkVcpuQuotas(quotas, cluster),
    },
    {
      name: "subscriber",
      isWarning: true,
      remedy: `aws sns subscribe --topic-arn ${config.TOPIC_ARN} --protocol email --notification-endpoint you@example.com, then confirm by the mail`,
      run: () => checkSubscriber(sns, config.TOPIC_ARN),
    },
  ];
}
