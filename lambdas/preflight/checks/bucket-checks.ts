import {
  DeleteObjectCommand,
  GetBucketReplicationCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { describeError, isNamed } from "../../aws/errors.ts";
import { describeImages } from "../../contract/counts.ts";
import { dataPrefix, preflightProbePrefix } from "../../contract/s3-layout.ts";
import { type CheckContext, CheckFailure, type CheckSpec } from "./run-checks.ts";

/** S3 reports a bucket's region even when it refuses the request, as for a bucket of another region or owner. */
async function bucketRegion(s3: S3Client, bucket: string): Promise<string> {
  try {
    const { BucketRegion } = await s3.send(new HeadBucketCommand({ Bucket: bucket }));
    if (BucketRegion) return BucketRegion;
  } catch (error) {
    const region = error instanceof S3ServiceException ? error.$response?.headers["x-amz-bucket-region"] : undefined;
    if (!region) throw error;
    return region;
  }
  throw new CheckFailure(`S3 does not report the region of ${bucket}`);
}

async function checkRegion(s3: S3Client, bucket: string, region: string): Promise<string> {
  try {
    const actual = await bucketRegion(s3, bucket);
    if (actual !== region) throw new CheckFailure(`${bucket} is in ${actual}, but the workflow runs in ${region}`);
    return `${bucket} is in ${region}`;
  } catch (error) {
    if (isNamed(error, "NotFound", "NoSuchBucket")) throw new CheckFailure(`There is no bucket ${bucket}`);
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
    const missing = Object.entries(settings).flatMap(([name, isSet]) => (isSet === true ? [] : [name]));
    if (missing.length > 0) throw new CheckFailure(`the public access block of ${bucket} lacks ${missing.join(", ")}`);
    return `${bucket} blocks all public access`;
  } catch (error) {
    if (isNamed(error, "NoSuchPublicAccessBlockConfiguration"))
      throw new CheckFailure(`${bucket} has no public access block`);
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
      if (actual !== region) throw new CheckFailure(`${bucket} is replicated to ${target} in ${actual}`);
    }
    return targets.length === 0 ? "not replicated" : `replicated within ${region}`;
  } catch (error) {
    if (isNamed(error, "ReplicationConfigurationNotFoundError")) return "not replicated";
    throw error;
  }
}

/** The cluster's nodes can read these prefixes only. This check finds other ones before a cluster costs money. */
function checkImages({ config, imageTree, listed, selected }: CheckContext): string {
  const readable = [...new Set([dataPrefix, config.INPUT_PREFIX])].map(
    (prefix) => `s3://${config.DATA_BUCKET}/${prefix}`,
  );
  if (!readable.some((prefix) => imageTree.startsWith(prefix)))
    throw new CheckFailure(
      `${imageTree} is not under ${readable.join(" or ")}, the only prefixes that the cluster may read`,
    );
  if (listed.status === "rejected")
    throw new CheckFailure(`${imageTree} cannot be listed: ${describeError(listed.reason)}`);
  return describeImages(selected.counts);
}

/**
 * Writes and deletes a probe object, because nothing else shows that policy, key and quota allow writing. S3's response
 * also reports the bucket's encryption.
 */
async function checkWritable(s3: S3Client, bucket: string, runId: string): Promise<string> {
  const Key = `${preflightProbePrefix}${runId}`;
  const { ServerSideEncryption: encryption } = await s3.send(
    new PutObjectCommand({ Bucket: bucket, Key, Body: "probe" }),
  );
  await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
  // The nodes' role may not use a KMS key, and KMS changes the etag with each upload of the same image.
  if (encryption?.startsWith("aws:kms")) {
    throw new CheckFailure(
      `${bucket} encrypts with KMS, which is not supported: make SSE-S3 (AES256) its default, or use another bucket`,
    );
  }
  return `s3://${bucket}/artifacts/ can be written`;
}

/** Checks the data bucket, and that the images in it can be read. */
export function bucketChecks(context: CheckContext): readonly CheckSpec[] {
  const { config, clients, execution } = context;
  const { DATA_BUCKET: bucket, AWS_REGION: region } = config;
  const { s3 } = clients;
  return [
    {
      name: "bucket",
      remedy: `Deploy the stack again in ${region}: it owns the bucket`,
      run: () => checkRegion(s3, bucket, region),
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
      remedy: "Upload the images there, and check that the function may list the prefix",
      run: () => checkImages(context),
    },
    {
      name: "scripts-uploadable",
      remedy: "Check the function's role, and the bucket's policy and encryption key",
      run: () => checkWritable(s3, bucket, execution.name),
    },
  ];
}
