import { EMRServiceException, TerminateJobFlowsCommand } from "@aws-sdk/client-emr";
import type { SFNClient } from "@aws-sdk/client-sfn";
import { beforeEach, describe, expect, it } from "vitest";
import { type Clients, createClients } from "../../../cli/account/aws-clients.ts";
import { RunningCluster } from "../../../cli/execution/running-cluster.ts";
import { usdPerHour } from "../../../lambdas/planning/hourly-price.ts";
import { EmrDouble, emrClient } from "../../doubles/emr.ts";
import { S3Double } from "../../doubles/s3.ts";
import { aPlan } from "../../lambdas/fixtures.ts";

const startedAt = new Date("2026-01-02T03:00:00Z");
const arn = "arn:aws:states:eu-west-1:123456789012:execution:Orchard:run-1";
const run = { runId: "run-1", arn, status: "RUNNING" as const, startedAt, endedAt: undefined };
const sfn = { send: async () => ({ startDate: startedAt }) } as unknown as SFNClient;
const plan = aPlan("data");
const hourlyUsd = usdPerHour(plan.cluster);

let emr: EmrDouble;
let s3: S3Double;
let clients: Clients;
beforeEach(() => {
  emr = new EmrDouble();
  s3 = new S3Double();
  clients = { ...createClients({ AWS_REGION: "eu-west-1" }), emr: emr.client, s3: s3.client, sfn };
});

function at(minutes: number): Date {
  return new Date(startedAt.getTime() + minutes * 60_000);
}

function stepOf(runId: string, name: string, state: "RUNNING" | "COMPLETED") {
  return { Name: name, Status: { State: state }, Config: { Args: [`s3://data/runs/${runId}/plan.json`] } };
}

describe("RunningCluster", () => {
  it("describes nothing before there is a plan, or a cluster", async () => {
    const cluster = new RunningCluster(clients, "data", run);

    expect(await cluster.describe(at(0))).toEqual([]);
    s3.writeJson("runs/run-1/plan.json", plan);
    expect(await cluster.describe(at(1))).toEqual([]);
  });

  it("describes the cluster, the run's newest step and the cost since the cluster's creation", async () => {
    s3.writeJson("runs/run-1/plan.json", plan);
    const id = emr.create("orchard-run-1", { "orchard:execution-arn": arn }, {}, at(2));
    emr.steps.push(stepOf("run-1", "ExtractFeatures", "RUNNING"), stepOf("run-1", "Inventory", "COMPLETED"));

    expect(await new RunningCluster(clients, "data", run).describe(at(62))).toEqual([
      `cluster ${id} WAITING`,
      "step ExtractFeatures RUNNING",
      `about ${hourlyUsd.toFixed(2)} USD so far`,
    ]);
  });

  it("names no cost on the embedded account", async () => {
    s3.writeJson("runs/run-1/plan.json", plan);
    const embedded = { ...run, arn: arn.replace("123456789012", "000000000000") };
    const id = emr.create("orchard-run-1", { "orchard:execution-arn": embedded.arn }, {}, at(2));

    expect(await new RunningCluster(clients, "data", embedded).describe(at(62))).toEqual([`cluster ${id} WAITING`]);
  });

  it("counts only the run's own time and steps on a kept cluster", async () => {
    const id = emr.create("orchard-run-0", {}, {}, at(-600));
    s3.writeJson("runs/run-1/plan.json", {
      ...plan,
      borrowed: { clusterId: id, until: at(60).toISOString(), usdPerHour: 1 },
    });
    emr.steps.push(stepOf("run-0", "ReduceDimensions", "COMPLETED"));

    expect(await new RunningCluster(clients, "data", run).describe(at(30))).toEqual([
      `cluster ${id} WAITING`,
      `about ${(hourlyUsd / 2).toFixed(2)} USD so far`,
    ]);
  });

  it("asks EMR at most every 10 seconds", async () => {
    s3.writeJson("runs/run-1/plan.json", plan);
    const id = emr.create("orchard-run-1", { "orchard:execution-arn": arn }, {}, at(0));
    const cluster = new RunningCluster(clients, "data", run);
    const first = await cluster.describe(at(1));

    await emr.client.send(new TerminateJobFlowsCommand({ JobFlowIds: [id] }));

    expect(await cluster.describe(at(1 + 9 / 60))).toEqual(first);
    expect(await cluster.describe(at(1 + 10 / 60))).toContain(`cluster ${id} TERMINATING`);
  });

  it("goes on without EMR for a person who may not read it", async () => {
    s3.writeJson("runs/run-1/plan.json", plan);
    const denied = new EMRServiceException({ name: "AccessDeniedException", $fault: "client", $metadata: {} });
    const closed = { ...clients, emr: emrClient(async () => Promise.reject(denied)) };

    expect(await new RunningCluster(closed, "data", run).describe(at(1))).toEqual([
      "cluster unknown (AccessDeniedException)",
    ]);
  });
});
