import { AwsError } from "../../../local/support/aws-error.ts";
import { callEmr } from "./emr-calls.ts";
import { never, TaskError } from "./errors.ts";
import type { Caller } from "./records.ts";
import type { Simulation } from "./simulation.ts";

const minute = 60_000;

/** A running task of an execution. */
export interface Task {
  readonly caller: Caller;
  /** Whether the execution no longer waits for the task. */
  isOver: boolean;
  /** Cancels the work in EMR. Absent while there is none. */
  cancel?: (caller: Caller) => Promise<unknown>;
  /** Called when EMR has accepted the request and Step Functions starts to wait. */
  readonly submitted: () => void;
}

interface ErrorNames {
  readonly service: string;
  readonly client: string;
}

/** Error names of the optimized integration "elasticmapreduce". */
const optimizedErrors: ErrorNames = {
  service: "EMR.AmazonElasticMapReduceException",
  client: "EMR.SdkClientException",
};
/** Error names of "aws-sdk:emr". Step Functions guide, "Learning to use AWS service SDK integrations". */
const sdkErrors: ErrorNames = { service: "Emr.EmrException", client: "Emr.SdkClientException" };

const readyOrEnded = ["RUNNING", "WAITING", "TERMINATED", "TERMINATED_WITH_ERRORS"];
const endedCluster = ["TERMINATED", "TERMINATED_WITH_ERRORS"];
const endedStep = ["COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED"];

interface Described {
  readonly Status: { readonly State: string };
}

/** Asks a cancelled task's work to end. Step Functions ignores failures of that request. */
export function cancelWork({ caller, cancel }: Task): void {
  cancel?.({ ...caller, state: "cancel" }).catch(() => undefined);
}

/** Runs a task of one of the EMR integrations. @throws TaskError */
export async function runEmrTask(
  simulation: Simulation,
  task: Task,
  resource: string,
  // biome-ignore lint/suspicious/noExplicitAny: each integration has its own parameters
  parameters: any,
): Promise<unknown> {
  const { ClusterId: clusterId } = parameters;
  const request = (operation: string, input: unknown, names?: ErrorNames) =>
    callAsTask(simulation, task.caller, operation, input, names);
  switch (resource.replace(/^arn:aws:states:::(elasticmapreduce|aws-sdk:emr):/, "")) {
    case "createCluster.sync":
      return createCluster(simulation, task, parameters);
    case "addStep.sync":
      return addStep(simulation, task, clusterId, parameters.Step);
    case "putManagedScalingPolicy":
      return request("PutManagedScalingPolicy", parameters, sdkErrors);
    case "terminateCluster":
      return request("TerminateJobFlows", { JobFlowIds: [clusterId] });
    case "terminateCluster.sync":
      await request("TerminateJobFlows", { JobFlowIds: [clusterId] });
      task.submitted();
      return poll(simulation, task, "DescribeCluster", { ClusterId: clusterId }, "Cluster", endedCluster);
    default:
      throw new TaskError("States.Runtime", `The simulation does not know ${resource}; add it to emr-integrations.ts.`);
  }
}

async function createCluster(simulation: Simulation, task: Task, request: unknown): Promise<unknown> {
  const { JobFlowId: id } = await callAsTask(simulation, task.caller, "RunJobFlow", request);
  task.cancel = (by) => callEmr(simulation, by, "TerminateJobFlows", { JobFlowIds: [id] });
  // The state has ended before RunJobFlow answered, so nothing could be cancelled until now.
  if (task.isOver) cancelWork(task);
  task.submitted();
  const cluster = await poll(simulation, task, "DescribeCluster", { ClusterId: id }, "Cluster", readyOrEnded);
  const output = { ClusterId: id, Cluster: cluster };
  if (endedCluster.includes(stateOf(cluster))) throw new TaskError("States.TaskFailed", JSON.stringify(output));
  return output;
}

async function addStep(simulation: Simulation, task: Task, clusterId: string, Step: unknown): Promise<unknown> {
  const request = { JobFlowId: clusterId, Steps: [Step] };
  const { StepIds: ids } = await callAsTask(simulation, task.caller, "AddJobFlowSteps", request);
  task.cancel = (by) => callEmr(simulation, by, "CancelSteps", { ClusterId: clusterId, StepIds: ids });
  task.submitted();
  const input = { ClusterId: clusterId, StepId: ids[0] };
  const step = await poll(simulation, task, "DescribeStep", input, "Step", endedStep);
  const output = { ...input, Step: step };
  if (stateOf(step) !== "COMPLETED") throw new TaskError("States.TaskFailed", JSON.stringify(output));
  return output;
}

/** Calls EMR, and renames errors as the integration does. @throws TaskError */
async function callAsTask(
  simulation: Simulation,
  caller: Caller,
  operation: string,
  input: unknown,
  names = optimizedErrors,
  // biome-ignore lint/suspicious/noExplicitAny: each operation has its own output
): Promise<any> {
  try {
    return await callEmr(simulation, caller, operation, input);
  } catch (error) {
    const { name, message } = error as Error;
    if (error instanceof AwsError) {
      const cause = `${message} (Service: AmazonElasticMapReduce; Status Code: ${error.status}; Error Code: ${name})`;
      throw new TaskError(names.service, cause);
    }
    throw new TaskError(names.client, `Unable to execute HTTP request: ${message}`);
  }
}

/** Describes a cluster or step once a minute, as the integrations do at first, until it has one of the states. */
async function poll(
  simulation: Simulation,
  task: Task,
  operation: string,
  input: unknown,
  member: string,
  states: readonly string[],
): Promise<Described> {
  while (!task.isOver) {
    const found = (await callAsTask(simulation, task.caller, operation, input))[member];
    if (states.includes(stateOf(found))) return structuredClone(found);
    await simulation.clock.sleep(minute);
  }
  return never;
}

function stateOf(described: Described): string {
  return described.Status.State;
}
