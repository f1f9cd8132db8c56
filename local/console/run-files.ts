import { GetObjectCommand, HeadObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { z } from "zod";
import { planSchema } from "../../lambdas/contract/plan.ts";
import { progressFile, reportFile } from "../../lambdas/contract/s3-layout.ts";
import type { Progress } from "../../pages/console/console-data.ts";
import { enteredState } from "../stepfunctions/execution-history.ts";
import type { Execution } from "../stepfunctions/execution-record.ts";
import type { AccountContext } from "../support/account-context.ts";
import { AwsError } from "../support/aws-error.ts";

const stateSchema = z.object({ plan: planSchema.pick({ run: true, reuse: true }) });

/** A folder of a run's files on S3. */
interface Folder {
  readonly bucket: string;
  readonly prefix: string;
}

/** Reads the files of runs from the account's S3. */
export class RunFiles {
  readonly #s3: S3Client;

  constructor({ ministack: endpoint, region, credentials }: AccountContext) {
    this.#s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  }

  /** Returns the content of progress.json; null before the job's first report. */
  async readProgress(execution: Execution): Promise<Progress | null> {
    const text = await this.#read(execution, progressFile);
    return text === undefined ? null : JSON.parse(text);
  }

  async hasReport(execution: Execution): Promise<boolean> {
    const folder = folderOf(execution);
    if (!folder) return false;
    try {
      await this.#s3.send(new HeadObjectCommand({ Bucket: folder.bucket, Key: `${folder.prefix}${reportFile}` }));
      return true;
    } catch (error) {
      if (error instanceof Error && error.name === "NotFound") return false;
      throw error;
    }
  }

  /** Returns the report of a run. @throws AwsError NotFound when it has none */
  async readReport(execution: Execution): Promise<string> {
    const text = await this.#read(execution, reportFile);
    if (text !== undefined) return text;
    throw new AwsError("NotFound", `The run ${execution.name} has no report.`, 404);
  }

  /** Reads a file in the folder of a run; undefined if there is none. */
  async #read(execution: Execution, file: string): Promise<string | undefined> {
    const folder = folderOf(execution);
    if (!folder) return undefined;
    const request = new GetObjectCommand({ Bucket: folder.bucket, Key: `${folder.prefix}${file}` });
    try {
      const { Body: body } = await this.#s3.send(request);
      return await body?.transformToString();
    } catch (error) {
      if (error instanceof Error && error.name === "NoSuchKey") return undefined;
      throw error;
    }
  }
}

/** Returns the folder that Preflight planned. If nothing is new, it is the folder of an earlier run. */
function folderOf({ events }: Execution): Folder | undefined {
  const input = events.map(enteredState).findLast((state) => state !== undefined)?.input;
  const { data } = stateSchema.safeParse(JSON.parse(input ?? "null"));
  const uri = data?.plan.reuse?.run ?? data?.plan.run;
  const [, bucket, prefix] = /^s3:\/\/([^/]+)\/(.+)$/.exec(uri ?? "") ?? [];
  return bucket === undefined || prefix === undefined ? undefined : { bucket, prefix };
}
