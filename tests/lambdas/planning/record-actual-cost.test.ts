import { DescribeClusterCommand, EMRClient, type Instance, ListInstancesCommand } from "@aws-sdk/client-emr";
import { beforeEach, expect, test } from "vitest";
import type { Cost } from "../../../lambdas/contract/cost.ts";
import type { Plan } from "../../../lambdas/contract/plan.ts";
import type { Validation } from "../../../lambdas/contract/validation.ts";
import { recordCost } from "../../../lambdas/planning/record-actual-cost.ts";
import { S3Double } from "../../doubles/s3.ts";
import { anExecution, aPlan } from "../fixtures.ts";

let s3: S3Double;

beforeEach(() => {
  s3 = new S3Double();
  s3.writeJson("runs/run-1/manifest.json", { runId: "run-1", checks: [] });
});

function at(minutes: number): Date {
  return new Date(Date.UTC(2026, 0, 1, 0, minutes));
}
const execution = { ...anExecution(), startTime: at(0).toISOString() };

function node(
  type: string,
  from: number,
  to: number | undefined,
  market: "SPOT" | "ON_DEMAND" = "ON_DEMAND",
): Instance {
  return {
    InstanceType: type,
    Market: market,
    Status: { Timeline: { CreationDateTime: at(from), ...(to === undefined ? {} : { EndDateTime: at(to) }) } },
  };
}

/** A client that describes one cluster and lists its instances one page at a time, so that paging is tested, too. */
function emrWith(from: number, to: number | undefined, nodes: readonly Instance[]): EMRClient {
  const send = async (command: unknown): Promise<unknown> => {
    if (command instanceof DescribeClusterCommand) return { Cluster: { Id: "j-1", Status: node("", from, to).Status } };
    if (!(command instanceof ListInstancesCommand)) throw new Error("No answer to that");
    const index = Number(command.input.Marker ?? 0);
    return {
      Instances: nodes.slice(index, index + 1),
      Marker: index + 1 < nodes.length ? String(index + 1) : undefined,
    };
  };
  // The SDK's paginator accepts only an instance of the client class.
  return Object.assign(new EMRClient({}), { send });
}

function record(
  emr: EMRClient,
  now = at(600),
  changes: Partial<Plan> = {},
  computed: number | null = 60,
): Promise<Cost> {
  const plan = aPlan("data", changes);
  const validation: Validation = {
    images: 60,
    labels: 3,
    errors: 0,
    errorRate: 0,
    computed,
    reused: 60 - (computed ?? 60),
    components: 2,
    variance: 0.95,
    warnings: [],
    results: plan.run,
  };
  return recordCost({ state: { plan, validation, cluster: { id: "j-1" } }, execution }, emr, s3.client, now);
}

/** 64 + 15 GiB of gp3 for an hour. */
const ebsUsdPerHour = (79 * 0.088) / 730;
/** 2,000 GET and 2,002 PUT or LIST beside 60 images. */
const s3Usd = 2060 * 4e-7 + 2002 * 5e-6;

test("the cost is the node hours at EC2's and EMR's prices, plus volumes and requests", async () => {
  const nodes = [node("m5.xlarge", 1, 61), node("m5.2xlarge", 1, 31), node("m5.2xlarge", 31, 61)];

  const cost = await record(emrWith(1, 61, nodes));

  // An hour of 0.214 + 0.048, and one of 0.428 + 0.096.
  expect(cost.actualUsd).toBeCloseTo(0.262 + 0.524 + 2 * ebsUsdPerHour + s3Usd, 3);
  expect(cost).toMatchObject({ quotedUsd: 0.08, minutes: { actual: 60 }, isFinal: true });
  expect(cost.forecastErrorPercent).toBeCloseTo(100 * (cost.actualUsd / 0.08 - 1), 0);
  expect(cost.arithmetic).toContain("2 x m5.2xlarge, 1.000 h x 0.524 USD/h");
});

test("only computed images cost S3 requests, not those from the features store", async () => {
  const nodes = [node("m5.xlarge", 1, 61)];

  const all = await record(emrWith(1, 61, nodes), at(600), { counts: { images: 60_000, labels: 3, bytes: 1 } }, 60_000);
  const few = await record(emrWith(1, 61, nodes), at(600), { counts: { images: 60_000, labels: 3, bytes: 1 } }, 60);

  expect(few.actualUsd).toBeLessThan(all.actualUsd);
});

test("the cost is added to the manifest once, beside its other keys", async () => {
  const emr = emrWith(1, 61, [node("m5.xlarge", 1, 61)]);

  await record(emr);
  const cost = await record(emr);

  expect(JSON.parse(s3.readText("runs/run-1/manifest.json"))).toEqual({ runId: "run-1", checks: [], cost });
});

test("a running cluster is charged until now", async () => {
  const cost = await record(emrWith(0, undefined, [node("m5.xlarge", 0, undefined)]), at(30));

  expect(cost).toMatchObject({ isFinal: false, minutes: { actual: 30 } });
  expect(cost.actualUsd).toBeCloseTo((0.262 + ebsUsdPerHour) / 2 + s3Usd, 3);
});

test("the quote is not compared with the cost while the cluster is kept", async () => {
  const cost = await record(emrWith(0, undefined, [node("m5.xlarge", 0, undefined)]), at(30), { keepMinutes: 60 });

  expect(cost.forecastErrorPercent).toBeNull();
});

test("of a cluster that is older than the execution, only the time since the execution's start counts", async () => {
  const cost = await record(emrWith(-600, undefined, [node("m5.xlarge", -600, undefined)]), at(30));

  expect(cost.minutes.actual).toBe(30);
  expect(cost.actualUsd).toBeCloseTo((0.262 + ebsUsdPerHour) / 2 + s3Usd, 3);
});

test("Spot nodes count at the on-demand price, and the arithmetic says so", async () => {
  const cost = await record(emrWith(0, 60, [node("m5.xlarge", 0, 60, "SPOT")]));

  expect(cost.actualUsd).toBeCloseTo(0.262 + ebsUsdPerHour + s3Usd, 3);
  expect(cost.arithmetic).toContain("Spot, at the on-demand price");
});

test("fails if the manifest cannot be written", async () => {
  s3.putError = "AccessDenied";

  const recorded = record(emrWith(1, 61, [node("m5.xlarge", 1, 61)]));

  await expect(recorded).rejects.toMatchObject({ name: "AccessDenied" });
});

test("the arithmetic has every group of nodes, the volumes and the requests", async () => {
  const nodes = [node("m5.xlarge", 0, 60), node("m5.2xlarge", 0, 30, "SPOT"), node("m5.2xlarge", 30, 60, "SPOT")];

  const { arithmetic } = await record(emrWith(0, 60, nodes));

  expect(arithmetic).toBe(
    "1 x m5.xlarge, 1.000 h x 0.262 USD/h + 2 x m5.2xlarge (Spot, at the on-demand price), 1.000 h x 0.524 USD/h + " +
      "EBS 79 GiB a node x 2.000 h x 0.000121 USD + S3 requests, by the number of images, 0.011 USD = 0.8159 USD",
  );
});

test("there is no forecast error without a quote", async () => {
  const estimate = { minutes: 0, usd: 0, usdAtMost: 0, minutesBetween: null, bottleneck: "", arithmetic: "" };

  const cost = await record(emrWith(0, 60, [node("m5.xlarge", 0, 60)]), at(600), { estimate });

  expect(cost).toMatchObject({ quotedUsd: 0, forecastErrorPercent: null });
});

test("a cluster and a node that EMR describes without their times count from the execution's start", async () => {
  const client = Object.assign(new EMRClient({}), {
    send: async (command: unknown) =>
      command instanceof DescribeClusterCommand
        ? { Cluster: { Id: "j-1" } }
        : { Instances: [{ InstanceType: "m5.xlarge", Market: "ON_DEMAND" }] },
  });

  const cost = await record(client, at(30));

  expect(cost).toMatchObject({ minutes: { actual: 30 }, isFinal: false, isAlive: false });
  expect(cost.actualUsd).toBeCloseTo((0.262 + ebsUsdPerHour) / 2 + s3Usd, 3);
});
