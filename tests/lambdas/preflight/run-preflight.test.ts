import { CreateTagsCommand, ImportKeyPairCommand } from "@aws-sdk/client-ec2";
import { GetObjectCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { expect, test } from "vitest";
import { decoderVersion } from "../../../lambdas/contract/decoder.ts";
import { preflight } from "../../../lambdas/preflight/run-preflight.ts";
import { indexRun } from "../../../lambdas/results/earlier-runs.ts";
import { InvalidInput } from "../../../lambdas/runtime/errors.ts";
import { anExecution, aValidation, labels, putObject } from "../fixtures.ts";
import { account, answering, config, defaults, input, run } from "./ready-account.ts";

test("an account that is ready gets its plan, which is also on S3", async () => {
  const plan = await run();

  expect(plan.checks.filter(({ ok }) => !ok)).toEqual([]);
  expect(plan.warnings).toEqual([]);
  expect(plan).toMatchObject({
    runId: "run-1",
    input: `s3://${config.DATA_BUCKET}/data/raw/`,
    run: `s3://${config.DATA_BUCKET}/runs/run-1/`,
    counts: { images: 6, labels: 3, bytes: 124 },
    steps: { inventory: true, features: true, reduction: true, any: true },
    cluster: {
      name: "orchard-run-1",
      releaseLabel: "emr-7.13.0",
    },
  });
  expect(plan.estimate.arithmetic).toMatch(/6 new images .* = 16\.2 min; .* = 0\.08 USD$/);
  const written = await account.s3.send(
    new GetObjectCommand({ Bucket: config.DATA_BUCKET, Key: "runs/run-1/plan.json" }),
  );
  expect(JSON.parse((await written.Body?.transformToString()) ?? "")).toEqual(plan);
});

test("the plan's time is that of its listing, or of the latest image: S3's clock may be ahead", async () => {
  const event = { state: { input }, execution: anExecution() };
  const ahead = new Date(Date.now() + 60_500);

  const [late, early] = [
    await preflight(event, config, account, ahead),
    await preflight(event, config, account, new Date(0)),
  ];

  expect(late.plannedAt).toBe(`${ahead.toISOString().slice(0, 19)}Z`);
  const age = Date.now() - Date.parse(early.plannedAt ?? "");
  expect(age).toBeGreaterThanOrEqual(0);
  // Longer than this test file takes.
  expect(age).toBeLessThan(3_600_000);
});

test("a valid run with the same input is reused at no cost", async () => {
  const plan = await run();
  const manifest = { selection: plan.selection, validation: aValidation({ errors: 0, errorRate: 0 }), plan };
  await putObject(account, config.DATA_BUCKET, "runs/run-1/manifest.json", JSON.stringify(manifest));
  await indexRun(account.s3, plan, plan.selection ?? "");

  expect(await run(input, { name: "run-2" })).toMatchObject({
    reuse: { run: plan.run, validation: manifest.validation },
    features: `${plan.run}features/parquet`,
    steps: { inventory: false, features: false, reduction: false, any: false },
    estimate: { usd: 0 },
  });
});

test("an unreadable features store does not stop the run, and all images are quoted as new", async () => {
  const { DATA_BUCKET, MODEL_SHA256 } = config;
  await putObject(
    account,
    DATA_BUCKET,
    `features-store/model=${MODEL_SHA256}/decoder=${decoderVersion}/bad.parquet`,
    "no Parquet",
  );

  expect((await run()).estimate.arithmetic).toContain("(6 perhaps new images / ");
});

async function putPack(folder: string) {
  const group = (label: string, fingerprint: string) => ({
    split: "Training",
    label,
    images: 3,
    bytes: 300,
    fingerprint: fingerprint.repeat(64),
  });
  const pack = {
    version: 1,
    layout: "split/label",
    groups: [group("Apple Red", "1"), group("Banana", "2")],
    leftOut: [{ reason: "shallow", count: 1, examples: ["1.jpg"] }],
    shards: [{ name: "shards/00000.parquet", groups: ["00", "80"] }],
  };
  await putObject(account, config.DATA_BUCKET, `data/${folder}/pack.json`, JSON.stringify(pack));
  return { ...input, input: `s3://${config.DATA_BUCKET}/data/${folder}/` };
}

test("a valid run on the same images of a pack is reused, but not one with another limit", async () => {
  const given = await putPack("reused");
  const plan = await run(given);
  const manifest = { selection: plan.selection, validation: aValidation({ errors: 0, errorRate: 0 }), plan };
  await putObject(account, config.DATA_BUCKET, "runs/run-1/manifest.json", JSON.stringify(manifest));
  await indexRun(account.s3, plan, plan.selection ?? "");

  expect(await run(given, { name: "run-2" })).toMatchObject({ reuse: { run: plan.run }, steps: { any: false } });
  expect(await run({ ...given, limit: 5 }, { name: "run-3" })).toMatchObject({ reuse: null, steps: { any: true } });
});

test("a pack is planned by its manifest, without a listing", async () => {
  const given = await putPack("packed");

  const plan = await run(given);

  expect(plan).toMatchObject({
    pack: { shards: 1, groups: 2 },
    counts: { images: 6, labels: 2, bytes: 600 },
    selection: expect.stringMatching(/^[0-9a-f]{64}$/),
    newImages: 6,
    steps: { inventory: true, features: true },
    warnings: ['Left out: 1 file, outside of a label folder: "1.jpg"'],
  });
  expect((await run()).pack).toBeNull();
  await expect(run({ ...given, layout: "label" })).rejects.toThrow(
    'layout: the pack was made of a tree with the layout "split/label". Leave layout out',
  );
});

test("a subnet and a key pair that are configured reach the cluster", async () => {
  await account.ec2.send(new ImportKeyPairCommand({ KeyName: "key", PublicKeyMaterial: new Uint8Array([1]) }));
  await account.ec2.send(
    new CreateTagsCommand({
      Resources: ["subnet-00000001"],
      Tags: [{ Key: "for-use-with-amazon-emr-managed-policies", Value: "true" }],
    }),
  );

  const plan = await run(input, { config: defaults({ subnetIds: ["subnet-00000001"], keyPair: "key" }) });

  expect(plan.cluster.instances).toMatchObject({ Ec2SubnetIds: ["subnet-00000001"], Ec2KeyName: "key" });
});

test("overrides of the cluster are planned", async () => {
  const cluster = { coreType: "m5.2xlarge", coreCount: 3, market: "SPOT", ebsGiB: 128, executorMemory: "5g" };

  const plan = await run({ ...input, cluster });

  // A driver of 2 + 2 GiB leaves 20 of 24 GiB: 10 for each of two executors. The given heap takes 5 of these.
  expect(plan.cluster).toMatchObject({ ...cluster, executorMemoryOverhead: "5g", primaryType: "m5.xlarge" });
  expect(plan.cluster.instances["InstanceFleets"]).toMatchObject([
    { InstanceFleetType: "MASTER", TargetOnDemandCapacity: 1 },
    {
      InstanceFleetType: "CORE",
      TargetOnDemandCapacity: 1,
      TargetSpotCapacity: 2,
      InstanceTypeConfigs: [{ InstanceType: "m5.2xlarge" }],
    },
  ]);
});

test.each([
  ["inventory", {}, 6, 3, false],
  ["apples", {}, 4, 2, true],
  ["mini", { limit: 3 }, 3, 2, true],
  ["full", { limit: 5 }, 5, 3, true],
  ["single-class", { label: "Apple Red é" }, 2, 1, true],
])("mode %s %j counts its selection", async (mode, more, images, labelCount, features) => {
  const plan = await run({ mode, pca: { components: 1 }, ...more });

  expect(plan.counts).toMatchObject({ images, labels: labelCount });
  expect(plan.steps).toEqual({ inventory: true, features, reduction: features, any: true });
});

test("only images directly under <split>/<label>/ count, in the chosen splits", async () => {
  const { DATA_BUCKET } = config;
  for (const key of [
    "Training/stray.jpg",
    "Training/Banana/notes.txt",
    "Training/Banana/deep/x.jpg",
    "Test/Kiwi/a.png",
  ])
    await putObject(account, DATA_BUCKET, `data/raw/${key}`, "x");

  expect((await run()).counts.images).toBe(6);
  expect((await run({ ...input, splits: ["Training", "Test"] })).counts).toMatchObject({ images: 7, labels: 4 });
});

test.each([
  [
    { mode: "single-class", label: "Apple Golde 1" },
    /label: there is no "Apple Golde 1"\. Did you mean "Apple Golden 1"/,
  ],
  [
    { mode: "full", splits: ["training"] },
    /splits: there is no "training" .* Did you mean "Training"\? Folders there: "Training"/,
  ],
  [{ mode: "full" }, /pca\.components: 50 is too many for 6 images; the maximum is 5/],
  [{ mode: "full", pca: { components: 6 } }, /pca\.components: 6 .* maximum is 5/],
  [{ ...input, maxCostUsd: 0.05 }, /maxCostUsd: the plan is estimated at 0\.08 USD, the ceiling is 0\.05 USD/],
])("refuses %j, which the images do not allow", async (given, message) => {
  await expect(run(given)).rejects.toThrow(InvalidInput);
  await expect(run(given)).rejects.toThrow(message);
});

test("the plan names left-out files and unused splits", async () => {
  for (const key of ["Training/Banana/deep/x.jpg", "Training/Banana/._0.jpg", "Test/Kiwi/a.png"])
    await putObject(account, config.DATA_BUCKET, `data/raw/${key}`, "x");

  const plan = await run();

  expect(plan).toMatchObject({
    tree: { layout: "split/label" },
    splits: ["Training"],
    usedSplits: ["Training"],
    unusedSplits: ["Test"],
    leftOut: [
      { reason: "hidden", count: 1, examples: ["Training/Banana/._0.jpg"] },
      { reason: "deep", count: 1, examples: ["Training/Banana/deep/x.jpg"] },
    ],
  });
  expect(plan.warnings).toHaveLength(2);
  expect(plan.warnings[1]).toBe('Left out: 1 file, deeper than a label folder: "Training/Banana/deep/x.jpg"');
});

test("a tree without splits is planned with its layout, and has no splits to choose", async () => {
  for (const key of ["Apple/1.jpg", "Apple/2.jpg", "Kiwi/3.jpg"])
    await putObject(account, config.DATA_BUCKET, `data/flat/${key}`, "x");
  const flat = { mode: "full", pca: { components: 1 }, input: `s3://${config.DATA_BUCKET}/data/flat/` };

  const plan = await run(flat);

  expect(plan).toMatchObject({
    tree: { layout: "label" },
    splits: null,
    usedSplits: [],
    counts: { images: 3, labels: 2 },
  });
  await expect(run({ ...flat, splits: ["Apple"] })).rejects.toThrow(/splits: .* has none, its images are at <label>/);
});

test("a label matches in another Unicode form, and no suggestion looks like the given name", async () => {
  for (const number of [1, 2])
    await putObject(account, config.DATA_BUCKET, `data/raw/Training/${"Été".normalize("NFD")}/${number}.jpg`, "x");
  const input = { mode: "single-class", pca: { components: 1 } };

  expect((await run({ ...input, label: "Été".normalize("NFC") })).counts.images).toBe(2);
  await expect(run({ ...input, label: "Étés" })).rejects.toThrow(/there is no "Étés"\. Did you mean "E\u0301t/);
});

test("the number of components is limited by the number of features", async () => {
  const root = "data/raw/Training/Many/";
  const Contents = Array.from({ length: 1300 }, (_, n) => ({ Key: `${root}${n}.jpg`, Size: 1 }));
  const CommonPrefixes: Readonly<Record<string, { Prefix: string }[]>> = {
    "data/raw/": [{ Prefix: "data/raw/Training/" }],
    "data/raw/Training/": [{ Prefix: root }],
  };
  const s3 = answering(account.s3, ListObjectsV2Command, ({ input: { Prefix = "" } }) =>
    Prefix === root ? { Contents } : { CommonPrefixes: CommonPrefixes[Prefix] },
  );

  await expect(run({ mode: "full", pca: { components: 1281 } }, { clients: { s3 } })).rejects.toThrow(
    /pca\.components: 1281 is too many for 1300 images; the maximum is 1280/,
  );
});

test("a mode that selects nothing is refused with the labels that are there", async () => {
  await putObject(account, config.DATA_BUCKET, "other/Training/Kiwi/0.jpg", "x");
  await putObject(account, config.DATA_BUCKET, "other/Training/Lemon/0.jpg", "x");

  await expect(run({ mode: "apples", input: `s3://${config.DATA_BUCKET}/other` })).rejects.toThrow(
    /mode: "apples" selects no image .* Labels there: "Kiwi", "Lemon"/,
  );
});

test("an empty folder is refused with the expected layout", async () => {
  const empty = { mode: "mini", input: `s3://${config.DATA_BUCKET}/nothing/` };

  await expect(run(empty)).rejects.toThrow(InvalidInput);
  await expect(run(empty)).rejects.toThrow(/no images under s3:.*<split>\/<label>\/<image>\.jpg/);
});

test("a single image is refused for a PCA and accepted for an inventory", async () => {
  await putObject(account, config.DATA_BUCKET, "data/one/Training/Kiwi/0.jpg", "x");
  const one = { input: `s3://${config.DATA_BUCKET}/data/one/` };

  await expect(run({ mode: "full", ...one })).rejects.toThrow(/at least 2/);
  expect((await run({ mode: "inventory", ...one })).counts.images).toBe(1);
});

test("invalid input and failed checks are reported together", async () => {
  await expect(run({ mode: "full" }, { config: { EMR_SERVICE_ROLE: "none" } })).rejects.toThrow(
    /2 problems:\n- pca\.components: .*\n- emr-service-role: /,
  );
});

test("every failed check is listed, not only the first", async () => {
  await expect(
    run(input, {
      config: { EMR_SERVICE_ROLE: "none", EMR_INSTANCE_PROFILE: "none", ...defaults({ keyPair: "none" }) },
    }),
  ).rejects.toThrow(/^3 of 19 checks failed:\n- emr-service-role: .*\n- emr-instance-profile: .*\n- key-pair: /);
});

test("the fixture has two labels of apples, on which these tests rely", () => {
  expect(labels.filter((label) => label.startsWith("Apple"))).toHaveLength(2);
});
