import { beforeEach, describe, expect, it } from "vitest";
import { createClients } from "../../../cli/account/aws-clients.ts";
import type { Activity } from "../../../cli/cleaning/activity.ts";
import { type BucketPart, chooseObjects } from "../../../cli/cleaning/bucket-parts.ts";
import { S3Double } from "../../doubles/s3.ts";

const idle: Activity = {
  runs: [],
  since: undefined,
  undecided: [],
  folders: [],
  clusters: [],
  usedClusters: new Set(),
};
const cluster = { id: "j-1", name: "orchard-run-2", state: "RUNNING", createdAt: undefined, until: undefined };

let s3: S3Double;
beforeEach(() => {
  s3 = new S3Double();
});

function write(writtenAt: string, ...keys: readonly string[]): void {
  for (const key of keys) {
    s3.write(key, "x");
    s3.writtenAt.set(key, new Date(writtenAt));
  }
}

interface Case {
  readonly activity?: Partial<Activity>;
  readonly before?: string;
  readonly inputPrefix?: string;
}

async function choose(part: BucketPart, { activity, before, inputPrefix = "data/raw/" }: Case = {}) {
  const clients = { ...createClients({ AWS_REGION: "eu-west-1" }), s3: s3.client };
  const deployment = { bucket: "data", inputPrefix, stateMachineArn: "", topicArn: "" };
  const { objects, runs, kept } = await chooseObjects(part, {
    clients,
    deployment,
    activity: { ...idle, ...activity },
    before: before === undefined ? undefined : new Date(before),
  });
  return { keys: objects.map(({ key }) => key).sort(), runs, kept };
}

describe("outputs", () => {
  beforeEach(() => {
    write("2026-01-01", "runs/run-1/plan.json", "runs/run-1/pca/part-0", "runs/index/m/decoder=1/f/components-2.json");
    write("2026-01-03", "runs/run-2/plan.json", "runs/run-2/manifest.json");
    s3.writeJson("runs/latest.json", { runId: "run-2" });
    write("2026-01-01", "features-store/a.parquet", "artifacts/1/main.py", "data/raw/a.jpg");
  });

  it("are all runs with the index and latest.json", async () => {
    const { keys, runs } = await choose("outputs");

    expect(keys).toEqual([...s3.objects.keys()].filter((key) => key.startsWith("runs/")).sort());
    expect(runs).toEqual(["run-1", "run-2"]);
  });

  it("are with an age only the runs that wrote nothing since; latest.json stays with its run", async () => {
    write("2026-01-03", "runs/run-1/logs");

    expect(await choose("outputs", { before: "2026-01-02" })).toMatchObject({
      keys: ["runs/index/m/decoder=1/f/components-2.json"],
      runs: [],
    });
    expect((await choose("outputs", { before: "2026-01-04" })).runs).toEqual(["run-1", "run-2"]);
  });

  it("stay of a run that a running execution writes or reads", async () => {
    const folders = ["s3://data/runs/run-3/", "s3://data/runs/run-1/features/parquet"];

    const { runs, kept } = await choose("outputs", { activity: { runs: ["run-3"], folders } });

    expect(runs).toEqual(["run-2"]);
    expect(kept).toEqual(["run run-1, which a running one needs"]);
  });

  it("stay of a run whose name another's begins with", async () => {
    write("2026-01-01", "runs/run-10/plan.json");

    const { runs } = await choose("outputs", { activity: { folders: ["s3://data/runs/run-10/"] } });

    expect(runs).toEqual(["run-1", "run-2"]);
  });

  it("are refused while a run has no plan yet, which may choose any of them", async () => {
    const activity = { runs: ["run-3"], undecided: ["run-3"] };

    await expect(choose("outputs", { activity })).rejects.toMatchObject({
      name: "UsageError",
      message: expect.stringMatching(/^run-3 may use the results of earlier runs, so nothing was deleted/),
    });
  });

  it("are not the images, even if they lie among the runs", async () => {
    const { runs } = await choose("outputs", { inputPrefix: "runs/run-1/" });

    expect(runs).toEqual(["run-2"]);
  });
});

describe("logs", () => {
  beforeEach(() => {
    s3.write("spark-events/", "");
    write("2026-01-01", "logs/emr/j-1/node/a.gz", "logs/emr/j-2/node/a.gz", "spark-events/application_1");
    write("2026-01-03", "logs/emr/j-2/node/b.gz", "spark-events/application_2");
  });

  it("are those of all clusters and applications, without the folder that Spark demands", async () => {
    const { keys } = await choose("logs");

    expect(keys).toEqual([...s3.objects.keys()].filter((key) => key !== "spark-events/").sort());
  });

  it("are with an age only those of clusters that wrote nothing since", async () => {
    const { keys } = await choose("logs", { before: "2026-01-02" });

    expect(keys).toEqual(["logs/emr/j-1/node/a.gz", "spark-events/application_1"]);
  });

  it("stay of a cluster that is alive, and since the start of the oldest running execution", async () => {
    const activity = { clusters: [{ ...cluster, runId: "run-2" }], since: new Date("2026-01-02"), runs: ["run-2"] };

    const { keys, kept } = await choose("logs", { activity });

    expect(keys).toEqual(["spark-events/application_1"]);
    expect(kept).toEqual([
      "logs of cluster j-1, which is alive",
      "logs since the start of the oldest running execution",
    ]);
  });
});

describe.each(["store", "inputs"] as const)("%s", (part) => {
  beforeEach(() => {
    write("2026-01-01", "features-store/m/a.parquet", "data/raw/a.jpg", "data/other/a.jpg");
    write("2026-01-03", "features-store/m/b.parquet", "data/raw/b.jpg");
  });

  it("has the objects below its prefix that are old enough", async () => {
    const all = part === "store" ? ["features-store/m/a.parquet", "features-store/m/b.parquet"] : undefined;

    expect((await choose(part)).keys).toEqual(all ?? ["data/raw/a.jpg", "data/raw/b.jpg"]);
    expect((await choose(part, { before: "2026-01-02" })).keys).toHaveLength(1);
  });

  it("is refused while a run is active", async () => {
    await expect(choose(part, { activity: { runs: ["run-3"] } })).rejects.toMatchObject({ name: "UsageError" });
  });
});

it("inputs are never Orchard's own objects", async () => {
  write("2026-01-01", "artifacts/1/main.py", "artifacts/closed");

  expect((await choose("inputs", { inputPrefix: "artifacts/" })).keys).toEqual([]);
});
