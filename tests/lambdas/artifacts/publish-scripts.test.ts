import { cp, mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GetObjectCommand, ListObjectVersionsCommand, PutBucketVersioningCommand } from "@aws-sdk/client-s3";
import { strFromU8, unzipSync } from "fflate";
import { beforeEach, expect, test } from "vitest";
import { packPackage, type Scripts, uploadScripts } from "../../../lambdas/artifacts/publish-scripts.ts";
import { parseS3Uri, sha256 } from "../../../lambdas/aws/s3.ts";
import type { Plan } from "../../../lambdas/contract/plan.ts";
import { S3Double } from "../../doubles/s3.ts";
import { anExecution, aPlan, createBucket, putObject } from "../fixtures.ts";
import { startMinistack } from "../ministack.ts";

const account = await startMinistack();
let folder: string;
let bucket: string;
/** Bucket to which a deployment uploads its assets. */
let published: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "orchard-bundle-"));
  await mkdir(join(folder, "spark", "orchard", "inner"), { recursive: true });
  await mkdir(join(folder, "bootstrap"));
  await writeFile(join(folder, "spark", "main.py"), "print('main')\n");
  await writeFile(join(folder, "spark", "orchard", "__init__.py"), "");
  await writeFile(join(folder, "spark", "orchard", "pca.py"), "x = 1\n");
  await writeFile(join(folder, "spark", "orchard", "inner", "deep.py"), "y = 2\n");
  await writeFile(join(folder, "spark", "orchard", "notes.txt"), "not code");
  await writeFile(join(folder, "bootstrap", "bootstrap.sh"), "#!/bin/bash\n");
  bucket = await createBucket(account);
  published = await createBucket(account);
  await putObject(account, published, "model é.tflite", model);
  await putObject(account, published, "wheelhouse.tar", wheelhouse);
  await putObject(account, published, "bf16.tar", bf16Wheelhouse);
  return () => rm(folder, { recursive: true });
});

const model = "the model";
const wheelhouse = "the wheels";
const bf16Wheelhouse = "the wheels for bf16";
function upload(s3 = account.s3, changes: Partial<Plan> = {}): Promise<Scripts> {
  return uploadScripts(
    { state: { plan: aPlan(bucket, changes) }, execution: anExecution() },
    {
      DATA_BUCKET: bucket,
      AWS_REGION: "eu-west-1",
      MODEL_SHA256: sha256(model),
      MODEL_ASSET: `s3://${published}/model é.tflite`,
      WHEELHOUSE_SHA256: sha256(wheelhouse),
      WHEELHOUSE_ASSET: `s3://${published}/wheelhouse.tar`,
      BF16_WHEELHOUSE_SHA256: sha256(bf16Wheelhouse),
      BF16_WHEELHOUSE_ASSET: `s3://${published}/bf16.tar`,
      LAMBDA_TASK_ROOT: folder,
    },
    s3,
  );
}

async function read(uri: string): Promise<Uint8Array> {
  const { bucket: Bucket, key: Key } = parseS3Uri(uri);
  const { Body } = await account.s3.send(new GetObjectCommand({ Bucket, Key }));
  return (await Body?.transformToByteArray()) ?? new Uint8Array();
}

function argumentAfter(args: readonly string[], flag: string): string {
  return args[args.indexOf(flag) + 1] ?? "";
}

test("uploads every file under its own sha256", async () => {
  const scripts = await upload();

  const args = scripts.steps.inventory;
  const main = args[args.indexOf("--plan") - 2] ?? "";
  const [wheels = "", digest] = scripts.bootstrapArgs;
  const copied = `s3://${bucket}/artifacts/${sha256(model)}/model.tflite`;
  for (const uri of [scripts.bootstrap, main, argumentAfter(args, "--py-files"), wheels, copied]) {
    expect(uri.split("/").at(-2)).toBe(sha256(await read(uri)));
  }
  expect(digest).toBe(sha256(wheelhouse));
});

test("the nodes install the wheels for bf16 for a run in bf16 only", async () => {
  const [float32, bf16] = [await upload(), await upload(account.s3, { precision: "bf16" })];

  const [always, more] = [sha256(wheelhouse), sha256(bf16Wheelhouse)];
  const uri = (digest: string): string => `s3://${bucket}/artifacts/${digest}/wheelhouse.tar`;
  expect(float32).toMatchObject({ bootstrapArgs: [uri(always), always], wheelhouse: always });
  expect(bf16).toMatchObject({
    bootstrapArgs: [uri(always), always, uri(more), more],
    wheelhouse: `${always}+${more}`,
  });
  expect(sha256(await read(uri(more)))).toBe(more);
});

test("the zip contains only the package's Python files", async () => {
  const scripts = await upload();

  const files = unzipSync(await read(argumentAfter(scripts.steps.features, "--py-files")));

  expect(Object.keys(files)).toEqual(["orchard/__init__.py", "orchard/inner/deep.py", "orchard/pca.py"]);
  expect(strFromU8(files["orchard/pca.py"] ?? new Uint8Array())).toBe("x = 1\n");
});

test("the zip does not depend on the files' dates", async () => {
  const before = await packPackage(join(folder, "spark", "orchard"));
  const copy = join(folder, "copy");
  await cp(join(folder, "spark", "orchard"), copy, { recursive: true });
  await utimes(join(copy, "pca.py"), 1, 1);

  expect(sha256(await packPackage(copy))).toBe(sha256(before));
});

test("a second upload writes no object", async () => {
  await account.s3.send(
    new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: "Enabled" } }),
  );

  const first = await upload();
  const second = await upload();

  expect(second).toEqual(first);
  const { Versions = [] } = await account.s3.send(new ListObjectVersionsCommand({ Bucket: bucket }));
  // Two scripts, the package, the deployment's assets, and the folder of Spark's event logs.
  expect(Versions.map(({ Key = "" }) => Key.split("/").at(-1)).sort()).toEqual([
    "",
    "bootstrap.sh",
    "main.py",
    "model.tflite",
    "orchard.zip",
    "wheelhouse.tar",
  ]);
});

test("two concurrent uploads have the same result", async () => {
  const [one, two] = await Promise.all([upload(), upload()]);

  expect(one).toEqual(two);
});

test("a step is a complete spark-submit command", async () => {
  const { steps } = await upload();
  const plan = aPlan(bucket);

  for (const [name, args] of Object.entries(steps)) {
    expect(args.slice(0, 5)).toEqual(["spark-submit", "--master", "yarn", "--deploy-mode", "cluster"]);
    expect(args.slice(-3)).toEqual([name, "--plan", `s3://${bucket}/runs/run-1/plan.json`]);
    const conf = args.filter((_, index) => args[index - 1] === "--conf");
    expect(conf).toEqual(
      expect.arrayContaining([
        "spark.pyspark.python=/opt/orchard/python/bin/python",
        "spark.yarn.appMasterEnv.PYSPARK_PYTHON=/opt/orchard/python/bin/python",
        "spark.executorEnv.PYSPARK_PYTHON=/opt/orchard/python/bin/python",
        "spark.executorEnv.PYTHONHASHSEED=0",
        "spark.yarn.appMasterEnv.AWS_REGION=eu-west-1",
        "spark.executorEnv.AWS_REGION=eu-west-1",
        "spark.default.parallelism=4",
        `spark.executor.memory=${plan.cluster.executorMemory}`,
        `spark.executor.memoryOverhead=${plan.cluster.executorMemoryOverhead}`,
      ]),
    );
  }
});

test("rejects a bundle without the package", async () => {
  await rm(join(folder, "spark", "orchard"), { recursive: true });
  await mkdir(join(folder, "spark", "orchard"));

  await expect(upload()).rejects.toThrow(/No Python files in the bundle/);
});

test("an object that another execution has just written is not overwritten", async () => {
  const s3 = new S3Double();
  s3.write(`artifacts/${sha256(model)}/model.tflite`, model);
  s3.write(`artifacts/${sha256(wheelhouse)}/wheelhouse.tar`, wheelhouse);
  s3.beforePut = (key) => s3.write(key, "by another execution");

  await upload(s3.client);

  expect(s3.puts).toHaveLength(4);
  for (const { Key = "" } of s3.puts) expect(s3.readText(Key)).toBe("by another execution");
});
