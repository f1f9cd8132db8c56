import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { DescribeStacksCommand, type Stack } from "@aws-sdk/client-cloudformation";
import { HeadObjectCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { z } from "zod";
import type { RunningAccount } from "./account.ts";
import type { Clients } from "./clients.ts";
import { CommandFailed } from "./errors.ts";
import type { Lifetime } from "./lifetime.ts";
import { places, readModelInfo, root } from "./places.ts";
import { runTool, withoutAws } from "./tools.ts";

const STACK_NAME = "Orchard";
/** An output folder beside the account: two accounts may be deployed to at once. */
const CDK_FLAGS = ["--output", join(places.account, "cdk.out"), "--no-notices", "--no-color", "--ci"];
const ACCOUNT_ID = "000000000000";
/** What a deployment is made of, besides the context. */
const SOURCES = ["infra", "lambdas", "statemachine", "spark", "bootstrap", "package-lock.json", "cdk.json"];

export interface Deployment {
  readonly stateMachineArn: string;
  readonly bucket: string;
  readonly topicArn: string;
  /** Nothing had changed since the last one. */
  readonly skipped: boolean;
}

const outputsSchema = z.object({ StateMachineArn: z.string(), DataBucketName: z.string(), TopicArn: z.string() });

/**
 * Deploys the stack with the CDK's own command line, and the model and the wheelhouse under their own sha256.
 *
 * @throws CommandFailed with the CDK's last lines
 */
export const deploy = async (
  lifetime: Lifetime,
  account: RunningAccount,
  clients: Clients,
  say: (line: string) => void,
): Promise<Deployment> => {
  const model = readModelInfo();
  const wheelhouse = join(places.wheelhouse, "wheelhouse.tar");
  const wheelhouseSha256 = await sha256OfFile(wheelhouse);
  const context = {
    modelSha256: model.sha256,
    modelWeights: model.weights,
    wheelhouseSha256,
    // On a laptop random weights are good enough to try everything; they are announced.
    allowSeededWeights: "true",
  };
  const fingerprint = await fingerprintOf(context);
  const before = await describeStack(clients, STACK_NAME);
  const isCurrent = before !== undefined && isSettled(before) && readRecord() === `${before.StackId} ${fingerprint}`;
  if (!isCurrent) await runCdk(lifetime, account, clients, context, say);
  const stack = isCurrent ? before : await describeStack(clients, STACK_NAME);
  if (!stack) throw new CommandFailed(`The stack ${STACK_NAME} is not there after its deployment.`);
  await mkdir(places.account, { recursive: true });
  await writeFile(recordPath, `${stack.StackId} ${fingerprint}`);

  const outputs = outputsSchema.parse(
    Object.fromEntries((stack.Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue])),
  );
  const bucket = outputs.DataBucketName;
  say("model and wheels");
  await putArtifact(clients.s3, bucket, `artifacts/${model.sha256}/model.tflite`, join(places.model, "model.tflite"));
  await putArtifact(clients.s3, bucket, `artifacts/${wheelhouseSha256}/wheelhouse.tar`, wheelhouse);
  return { stateMachineArn: outputs.StateMachineArn, bucket, topicArn: outputs.TopicArn, skipped: isCurrent };
};

const runCdk = async (
  lifetime: Lifetime,
  account: RunningAccount,
  clients: Clients,
  context: Readonly<Record<string, string>>,
  say: (line: string) => void,
): Promise<void> => {
  const region = account.env["AWS_REGION"] ?? "";
  const env = {
    ...withoutAws(),
    ...account.env,
    CDK_DISABLE_CLI_TELEMETRY: "true",
    NO_PROXY: [process.env["NO_PROXY"], "127.0.0.1", "localhost"].filter(Boolean).join(","),
  };
  const cdk = async (what: string, args: readonly string[]): Promise<void> => {
    say(what);
    const { failed, output } = await runTool(lifetime, "cdk", [...args, ...CDK_FLAGS], { env });
    if (failed) {
      const lastLines = output.trimEnd().split("\n").slice(-25).join("\n");
      throw new CommandFailed(`cdk ${what} failed:\n\n${lastLines}`);
    }
  };
  const flags = Object.entries(context).flatMap(([key, value]) => ["--context", `${key}=${value}`]);
  if (!(await describeStack(clients, "CDKToolkit"))) {
    await cdk("bootstrap", ["bootstrap", `aws://${ACCOUNT_ID}/${region}`, ...flags]);
  }
  await cdk("deploy", ["deploy", STACK_NAME, "--require-approval", "never", ...flags]);
};

const describeStack = async ({ cloudFormation }: Clients, name: string): Promise<Stack | undefined> => {
  try {
    const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName: name }));
    return Stacks?.[0];
  } catch (error) {
    // CloudFormation has no error of its own for a stack that is not there.
    if (error instanceof Error && error.name === "ValidationError") return undefined;
    throw error;
  }
};

const isSettled = ({ StackStatus }: Stack): boolean =>
  StackStatus === "CREATE_COMPLETE" || StackStatus === "UPDATE_COMPLETE";

/** Beside the account's state, which is what it speaks of. */
const recordPath = join(places.account, "deployed");

const readRecord = (): string | undefined => (existsSync(recordPath) ? readFileSync(recordPath, "utf8") : undefined);

const sha256OfFile = async (path: string): Promise<string> => {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
};

const fingerprintOf = async (context: Readonly<Record<string, string>>): Promise<string> => {
  const hash = createHash("sha256").update(JSON.stringify(context));
  for (const source of SOURCES) {
    const path = join(root, source);
    const files = (await stat(path)).isDirectory() ? await filesUnder(path) : [path];
    for (const file of files) hash.update(`\0${file}\0`).update(await readFile(file));
  }
  return hash.digest("hex");
};

const filesUnder = async (folder: string): Promise<readonly string[]> => {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.parentPath.includes("__pycache__"))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
};

/** The key names the content: what is there is never written again. */
const putArtifact = async (s3: S3Client, bucket: string, key: string, path: string): Promise<void> => {
  const object = { Bucket: bucket, Key: key };
  const { size } = await stat(path);
  try {
    const { ContentLength } = await s3.send(new HeadObjectCommand(object));
    if (ContentLength === size) return;
  } catch (error) {
    if (!(error instanceof Error && (error.name === "NotFound" || error.name === "NoSuchKey"))) throw error;
  }
  await s3.send(new PutObjectCommand({ ...object, Body: await readFile(path) }));
};
