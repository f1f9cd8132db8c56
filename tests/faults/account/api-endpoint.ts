import { AwsError } from "../../../local/support/aws-error.ts";
import { recordApiCall } from "./api-calls.ts";
import { type ApiCall, errorResponse, jsonResponse, parseCall } from "./aws-protocols.ts";
import { isGone } from "./cluster.ts";
import { callEmr, recordStatusSeen } from "./emr-calls.ts";
import { never } from "./errors.ts";
import { fixedAnswer } from "./fixed-answers.ts";
import { currentInvocation } from "./lambda.ts";
import type { Caller } from "./records.ts";
import type { HttpRequest, HttpResponse } from "./sandbox.ts";
import type { Simulation } from "./simulation.ts";

/** Answers a request that a function's SDK client sends. @throws Error when the connection breaks */
export async function answerRequest(simulation: Simulation, request: HttpRequest): Promise<HttpResponse> {
  const { caller, isOver, role, sandbox } = currentInvocation();
  if (isOver) return never;
  const call = parseCall(request);
  // The person's own permissions are not part of the stack.
  const record = role === "" ? () => undefined : recordApiCall;
  record(role, request, call, (id) => {
    const tags = simulation.emr.clusters.get(id)?.Tags ?? [];
    return Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]));
  });
  let response: HttpResponse;
  try {
    response = await answer(simulation, call, caller);
  } catch (error) {
    sandbox.failures += 1;
    if (!(error instanceof AwsError)) throw error;
    response = errorResponse(call, error);
  }
  const date = new Date(simulation.clock.now).toUTCString();
  return { ...response, headers: { ...response.headers, date } };
}

async function answer(simulation: Simulation, call: ApiCall, caller: Caller): Promise<HttpResponse> {
  const { service, operation, input } = call;
  if (service === "emr") return jsonResponse(await callEmr(simulation, caller, operation, input));
  const response = await simulation.call(caller, `${service}:${operation}`, () =>
    answerOther(simulation, call, caller),
  );
  if (operation === "DescribeExecution") {
    const { status } = JSON.parse(String(response.body));
    recordStatusSeen(caller, input.executionArn, { status, at: simulation.clock.now });
  }
  return response;
}

function answerOther(simulation: Simulation, call: ApiCall, by: Caller): HttpResponse {
  const { service, operation, input } = call;
  switch (service) {
    case "states":
      if (operation === "StopExecution") {
        const execution = simulation.executions.find(({ arn }) => arn === input.executionArn);
        execution?.stop({ status: "ABORTED", error: input.error, cause: input.cause });
        return jsonResponse({ stopDate: simulation.clock.now / 1000 });
      }
      if (operation === "GetExecutionHistory") {
        const execution = simulation.executions.find(({ arn }) => arn === input.executionArn);
        return jsonResponse(execution?.describeHistory() ?? {});
      }
      if (operation === "ListExecutions" && simulation.isDeleted)
        throw new AwsError("StateMachineDoesNotExist", "State Machine Does Not Exist");
      if (operation !== "ListExecutions") return jsonResponse(simulation.describeExecution(input.executionArn));
      return jsonResponse({
        executions: simulation.executions
          .filter(({ status }) => status === input.statusFilter)
          .map((execution) => execution.describe()),
      });
    case "cloudformation":
      return simulation.answerStack(operation);
    case "s3": {
      const response = simulation.s3.handle(call);
      recordInvalidLatest(simulation);
      return response;
    }
    default:
      if (operation === "Publish") recordMail(simulation, input.Subject, input.Message, by);
      return fixedAnswer(call);
  }
}

function recordMail(simulation: Simulation, subject: string, message: string, by: Caller): void {
  const name = `orchard-${by.execution}`;
  const alive = simulation.createdClusters.filter((cluster) => cluster.Name === name && !isGone(cluster));
  simulation.mails.push({ subject, message, by, at: simulation.clock.now, alive });
}

function recordInvalidLatest(simulation: Simulation): void {
  const latest = simulation.s3.json("runs/latest.json") as { runId: string } | undefined;
  if (latest === undefined) return;
  const isComplete = simulation.s3.objects.has(`runs/${latest.runId}/manifest.json`);
  if (!isComplete || simulation.isInvalid(latest.runId)) simulation.invalidLatest.push(latest.runId);
}
