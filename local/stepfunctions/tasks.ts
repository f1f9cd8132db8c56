import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { EmrService } from "../emr/service.ts";
import type { LambdaRunner } from "../lambda/runner.ts";
import type { ApiCalls } from "../support/api-calls.ts";
import { AwsError, isObject, type JsonObject } from "../support/aws-error.ts";

const pollMs = 200;

/** No Retry and no Catch matches them. https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html */
const alwaysFatal = ["States.Runtime", "States.DataLimitExceeded"];

/** Fails a task under the error name that Retry and Catch match; the message is the Cause. */
export class TaskError extends Error {
  /** The API call was refused, so the .sync job never ran. */
  readonly atSubmission: boolean;
  readonly isRetryable: boolean;
  readonly isCatchable: boolean;

  constructor(name: string, cause: string, atSubmission = false) {
    super(cause);
    this.name = name;
    this.atSubmission = atSubmission;
    this.isRetryable = !alwaysFatal.includes(name);
    this.isCatchable = this.isRetryable;
  }
}

interface TaskRun {
  /** Fires when the state has timed out or the execution has been stopped. */
  readonly signal: AbortSignal;
  /** Called with the API's answer when a .sync job has been accepted. */
  readonly submitted: (output: unknown) => void;
  /** The state machine's role, under which the calls are made. */
  readonly role: string;
}

/** The integrations made for EMR call whatever it answers the same. */
function optimizedErrorName(_: AwsError): string {
  return "EMR.AmazonElasticMapReduceException";
}

/** The integrations of the AWS SDK name the Java SDK's exceptions: those of the API's model, and one for all others. */
function sdkErrorName({ name }: AwsError): string {
  return `Emr.${["InternalServerException", "InvalidRequestException"].includes(name) ? name : "EmrException"}`;
}

/** The service integrations that the state machine uses: Lambda, EMR on EC2 in its .sync forms, and the SDK's of EMR. */
export class Tasks {
  readonly #lambda: LambdaRunner;
  readonly #emr: EmrService;
  readonly #calls: ApiCalls;

  constructor(lambda: LambdaRunner, emr: EmrService, calls: ApiCalls) {
    this.#lambda = lambda;
    this.#emr = emr;
    this.#calls = calls;
  }

  /**
   * Runs one task.
   * @param resource e.g. arn:aws:states:::elasticmapreduce:addStep.sync
   * @throws TaskError
   */
  async run(resource: string, input: unknown, run: TaskRun): Promise<unknown> {
    const parameters = isObject(input) ? input : {};
    if (resource.startsWith("arn:aws:lambda:")) {
      return (await this.#invoke(resource, input, run)).Payload;
    }
    const integration = resource.replace(/^arn:aws:states:::/, "");
    if (integration === "lambda:invoke") {
      return this.#invoke(String(parameters["FunctionName"]), parameters["Payload"] ?? {}, run);
    }
    switch (integration) {
      case "elasticmapreduce:createCluster.sync":
        return this.#createCluster(parameters, run);
      case "elasticmapreduce:addStep.sync":
        return this.#addStep(parameters, run);
      case "aws-sdk:emr:putManagedScalingPolicy":
        return this.#call(run, "PutManagedScalingPolicy", parameters, sdkErrorName);
      case "elasticmapreduce:terminateCluster.sync":
        return this.#terminateCluster(parameters, run);
      default:
        throw new TaskError("States.Runtime", `The embedded account does not serve the resource '${resource}'.`);
    }
  }

  /** https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html: error named by the function, Cause its JSON. */
  async #invoke(name: string, payload: unknown, { role, signal }: TaskRun) {
    this.#calls.record({ source: "states", role }, "lambda", "Invoke", { FunctionArn: this.#lambda.arn(name) });
    try {
      const invocation = await this.#lambda.invoke(name, JSON.stringify(payload), signal);
      const answer: unknown = JSON.parse(invocation.payload);
      if (invocation.functionError !== undefined) {
        const type = isObject(answer) ? answer["errorType"] : undefined;
        throw new TaskError(typeof type === "string" && type !== "" ? type : "Lambda.Unknown", invocation.payload);
      }
      return {
        ExecutedVersion: "$LATEST",
        Payload: answer,
        SdkHttpMetadata: { HttpStatusCode: 200 },
        SdkResponseMetadata: { RequestId: invocation.requestId },
        StatusCode: 200,
      };
    } catch (error) {
      if (error instanceof AwsError) {
        throw new TaskError(`Lambda.${error.name}`, serviceCause(error, "AWSLambda"));
      }
      throw error;
    }
  }

  #call({ role }: TaskRun, operation: string, input: JsonObject, errorName = optimizedErrorName): unknown {
    this.#calls.record({ source: "states", role }, "elasticmapreduce", operation, input);
    try {
      return this.#emr.handle(operation, input);
    } catch (error) {
      if (error instanceof AwsError) {
        const cause = serviceCause(error, "AmazonElasticMapReduce");
        throw new TaskError(errorName(error), cause, true);
      }
      throw error;
    }
  }

  async #createCluster(parameters: JsonObject, run: TaskRun): Promise<unknown> {
    const created = createdCluster(this.#call(run, "RunJobFlow", clusterParameters(parameters)));
    run.submitted(created);
    const cluster = await this.#poll(
      () => member(this.#call(run, "DescribeCluster", { ClusterId: created.ClusterId }), "Cluster"),
      ["RUNNING", "WAITING", "TERMINATED", "TERMINATED_WITH_ERRORS"],
      run.signal,
      () => this.#call(run, "TerminateJobFlows", { JobFlowIds: [created.ClusterId] }),
    );
    const output = { ...created, Cluster: cluster };
    if (state(cluster).startsWith("TERMINATED")) {
      throw new TaskError("States.TaskFailed", JSON.stringify(output));
    }
    return output;
  }

  async #addStep({ ClusterId: clusterId, Step: request }: JsonObject, run: TaskRun): Promise<unknown> {
    const answer = member(this.#call(run, "AddJobFlowSteps", { JobFlowId: clusterId, Steps: [request] }), "StepIds");
    const added = { StepId: Array.isArray(answer) ? answer[0] : undefined };
    run.submitted(added);
    const ids = { ClusterId: clusterId, StepId: added.StepId };
    const step = await this.#poll(
      () => member(this.#call(run, "DescribeStep", ids), "Step"),
      ["COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED"],
      run.signal,
      () => this.#call(run, "CancelSteps", { ClusterId: ids.ClusterId, StepIds: [ids.StepId] }),
    );
    if (state(step) !== "COMPLETED") {
      throw new TaskError("States.TaskFailed", JSON.stringify({ ...ids, Step: step }));
    }
    return { ...added, Step: step };
  }

  async #terminateCluster(parameters: JsonObject, run: TaskRun): Promise<unknown> {
    const { ClusterId: clusterId } = parameters;
    run.submitted(this.#call(run, "TerminateJobFlows", { JobFlowIds: [clusterId] }));
    const cluster = await this.#poll(
      () => member(this.#call(run, "DescribeCluster", { ClusterId: clusterId }), "Cluster"),
      ["TERMINATED", "TERMINATED_WITH_ERRORS"],
      run.signal,
      () => undefined,
    );
    return { ClusterId: clusterId, Cluster: cluster };
  }

  /** Waits for one of the states. When the signal fires, cancels the job, as AWS does, and never answers. */
  async #poll(
    describe: () => unknown,
    states: readonly string[],
    signal: AbortSignal,
    cancel: () => unknown,
  ): Promise<unknown> {
    while (!signal.aborted) {
      const subject = describe();
      if (states.includes(state(subject))) {
        return structuredClone(subject);
      }
      await sleep(pollMs);
    }
    cancel();
    throw new TaskError("States.Aborted", "The task was cancelled.");
  }
}

/**
 * createCluster takes the syntax of RunJobFlow, with two differences.
 * https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr.html: KeepJobFlowAliveWhenNoSteps is mandatory and
 * must be TRUE, Steps is not allowed.
 */
function clusterParameters(parameters: JsonObject): JsonObject {
  const instances = parameters["Instances"];
  if (!isObject(instances) || instances["KeepJobFlowAliveWhenNoSteps"] !== true) {
    throw new TaskError("States.Runtime", "Instances.KeepJobFlowAliveWhenNoSteps is mandatory and must be true.");
  }
  if (parameters["Steps"] !== undefined) {
    throw new TaskError("States.Runtime", "The field Steps is not allowed in createCluster: use addStep.");
  }
  return parameters;
}

function createdCluster(answer: unknown): { readonly ClusterId: unknown; readonly ClusterArn: unknown } {
  return { ClusterId: member(answer, "JobFlowId"), ClusterArn: member(answer, "ClusterArn") };
}

function member(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined;
}

function state(subject: unknown): string {
  return String(member(member(subject, "Status"), "State"));
}

function serviceCause(error: AwsError, service: string): string {
  const details = `Service: ${service}; Status Code: ${error.status}; Error Code: ${error.name}`;
  return `${error.message} (${details}; Request ID: ${randomUUID()}; Proxy: null)`;
}
