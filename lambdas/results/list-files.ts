import type { S3Client } from "@aws-sdk/client-s3";
import { listPages, type S3Location, type S3Object } from "../aws/s3.ts";

/** The number and total size of a folder's files, with a sample of bounded size. */
export interface FileList {
  readonly files: number;
  readonly bytes: number;
  /** All files if there are at most `most`; otherwise a sample of at least half of `most`, evenly over the folder. */
  readonly sample: readonly S3Object[];
}

/** Lists the files under a prefix that have an ending, a page at a time. */
export async function listFiles(s3: S3Client, folder: S3Location, ending: string, most: number): Promise<FileList> {
  let [files, bytes, step] = [0, 0, 1];
  let sample: S3Object[] = [];
  for await (const { objects } of listPages(s3, folder)) {
    for (const object of objects.filter(({ key }) => key.endsWith(ending))) {
      if (files % step === 0) sample.push(object);
      files += 1;
      bytes += object.bytes;
      if (sample.length <= most) continue;
      sample = sample.filter((_, index) => index % 2 === 0);
      step *= 2;
    }
  }
  return { files, bytes, sample };
}
