import type { AccountContext } from "../support/account-context.ts";

/**
 * Hadoop's properties with which S3A reads and writes the account's buckets.
 *
 * @param buffers the folder for data that S3A has not uploaded yet
 */
export function s3aSettings(
  { ministack, region, credentials }: AccountContext,
  buffers: string,
): Readonly<Record<string, string>> {
  return {
    "fs.s3a.endpoint": ministack,
    "fs.s3a.endpoint.region": region,
    "fs.s3a.path.style.access": "true",
    "fs.s3a.connection.ssl.enabled": "false",
    "fs.s3a.aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
    "fs.s3a.access.key": credentials.accessKeyId,
    "fs.s3a.secret.key": credentials.secretAccessKey,
    "fs.s3a.experimental.input.fadvise": "random",
    "fs.s3a.connection.maximum": "100",
    "fs.s3a.buffer.dir": buffers,
    "mapreduce.fileoutputcommitter.algorithm.version": "2",
  };
}
