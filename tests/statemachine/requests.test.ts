import fc from "fast-check";
import { expect, it } from "vitest";
import { metrics } from "../../lambdas/runtime/handler.ts";
import { checkRequest } from "./requests/aws-request.ts";
import { requestsOf } from "./requests/play-case.ts";
import { requestCases } from "./requests/request-cases.ts";

const runs = Number(process.env["ORCHARD_REQUEST_RUNS"] ?? 100);

it(`makes no request that AWS would refuse: ${runs} generated executions`, async () => {
  const checked = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(requestCases, async (one) => {
      const requests = await requestsOf(one);
      metrics.clearMetrics();
      for (const request of requests) {
        checkRequest(request);
        const kind = `${request.service}:${request.operation}`;
        checked.set(kind, (checked.get(kind) ?? 0) + 1);
      }
    }),
    { numRuns: runs },
  );
  console.log(`requests: ${[...checked].map(([kind, count]) => `${count} ${kind}`).join(", ")}`);
  expect([...checked.keys()].sort()).toEqual([
    "emr:AddJobFlowSteps",
    "emr:AddTags",
    "emr:DescribeCluster",
    "emr:ListClusters",
    "emr:ListInstances",
    "emr:ListSteps",
    "emr:PutAutoTerminationPolicy",
    "emr:PutManagedScalingPolicy",
    "emr:RunJobFlow",
    "emr:SetTerminationProtection",
    "emr:TerminateJobFlows",
    "sns:Publish",
    "stepfunctions:DescribeExecution",
    "stepfunctions:ListExecutions",
    "stepfunctions:StartExecution",
  ]);
}, 300_000);
