import { createReadStream } from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import type { AccountContext } from "../support/account-context.ts";
import { errorText } from "../support/aws-error.ts";

/** A cluster's logs on S3, in EMR's layout, and the files that it reads from S3. */
export class ClusterLogs {
  readonly #s3: S3Client;
  readonly #folder: string | undefined;
  readonly #log: (line: string) => void;

  /** @param logUri the cluster's LogUri, e.g. s3://bucket/logs/emr/; without one, nothing is written */
  constructor(context: AccountContext, clusterId: string, logUri: string | undefined) {
    const root = logUri?.replace(/^s3[an]?:\/\//, "s3://").replace(/\/*$/, "");
    this.#folder = root === undefined ? undefined : `${root}/${clusterId}`;
    this.#log = context.log;
    this.#s3 = new S3Client({
      endpoint: context.ministack,
      region: context.region,
      credentials: context.credentials,
      forcePathStyle: true,
    });
  }

  /** The URI of a folder of the cluster's logs, which ends with a slash; undefined without a LogUri. */
  uriOf(folder: string): string | undefined {
    return this.#folder === undefined ? undefined : `${this.#folder}/${folder}/`;
  }

  /** Writes files of a local folder, gzipped, to a folder of the cluster's logs. */
  async upload(local: string, folder: string, names: readonly string[]): Promise<void> {
    const target = this.uriOf(folder);
    if (target === undefined) return;
    for (const name of names) {
      const uri = `${target}${name}.gz`;
      try {
        const body = await pipeline(createReadStream(join(local, name)), createGzip(), buffer);
        await this.#s3.send(new PutObjectCommand({ ...location(uri), Body: body, ContentType: "application/x-gzip" }));
      } catch (error) {
        // As on EMR, a log bucket that refuses writes does not fail the step.
        this.#log(`emr: ${uri} was not written: ${errorText(error)}`);
      }
    }
  }

  /** Reads an object. @throws S3ServiceException when it cannot be read */
  async download(uri: string): Promise<Uint8Array> {
    const { Body: body } = await this.#s3.send(new GetObjectCommand(location(uri)));
    return (await body?.transformToByteArray()) ?? new Uint8Array();
  }
}

function location(uri: string): { readonly Bucket: string; readonly Key: string } {
  const match = /^s3[an]?:\/\/([^/]+)\/(.+)$/.exec(uri);
  if (match?.[1] === undefined || match[2] === undefined) {
    throw new Error(`'${uri}' is not of the form s3://bucket/key.`);
  }
  return { Bucket: match[1], Key: match[2] };
}
