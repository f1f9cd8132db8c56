import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket } from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { logsPrefix, runsPrefix, sparkEventsKey } from "../../lambdas/contract/s3-layout.ts";
import type { Config } from "../config/knobs.ts";

interface DataBucketProps {
  readonly config: Config;
}

/**
 * Holds images, artifacts, runs and logs. It outlives the stack, so that `cdk destroy` never deletes results. An existing
 * bucket keeps its policy and lifecycle rules.
 */
export class DataBucket extends Construct {
  readonly bucket: IBucket;

  constructor(scope: Construct, id: string, { config }: DataBucketProps) {
    super(scope, id);
    if (config.bucketName) {
      this.bucket = Bucket.fromBucketName(this, "Given", config.bucketName);
      return;
    }
    const logs = Duration.days(config.logsRetentionDays);
    this.bucket = new Bucket(this, "Bucket", {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      removalPolicy: RemovalPolicy.RETAIN,
      lifecycleRules: [
        { abortIncompleteMultipartUploadAfter: Duration.days(7) },
        { prefix: logsPrefix, expiration: logs },
        { prefix: sparkEventsKey, expiration: logs },
        ...(config.runsRetentionDays
          ? [{ prefix: runsPrefix, expiration: Duration.days(config.runsRetentionDays) }]
          : []),
      ],
    });
  }
}
