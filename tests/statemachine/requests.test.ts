import fc from "fast-check";
import { expect, it } from "vitest";
import { metrics } from "../../lambdas/runtime/handler.ts";
import { checkRequest } from "./requests/aws-request.ts";
import { requestsOf } from "./requests/play-case.ts";
import { requestCases } from "./requests/request-cases.ts";

const runs = Number(process.env["ORCHARD_REQUEST_RUNS"] ?? 100);

const kinds = [
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
  "stepfunctions:GetExecutionHistory",
  "stepfunctions:ListExecutions",
  "stepfunctions:StartExecution",
];
/** Some requests are rare, so one round of executions may lack them. */
const maxRounds = 20;

it(`makes no request that AWS would refuse: rounds of ${runs} generated executions`, async () => {
  const checked = new Map<string, number>();
  const property = fc.asyncProperty(requestCases, async (one) => {
    const requests = await requestsOf(one);
    metrics.clearMetrics();
    for (const request of requests) {
      checkRequest(request);
      const kind = `${request.service}:${request.operation}`;
      checked.set(kind, (checked.get(kind) ?? 0) + 1);
    }
  });
  const isComplete = () => kinds.every((kind) => checked.has(kind));
  for (let round = 0; round < maxRounds && !isComplete(); round += 1) await fc.assert(property, { numRuns: runs });
  console.log(`requests: ${[...checked].map(([kind, count]) => `${count} ${kind}`).join(", ")}`);
  expect([...checked.keys()].sort()).toEqual(kinds);
}, 300_000);
