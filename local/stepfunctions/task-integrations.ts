import { randomUUID } from "node:crypto";
import { waitUntil } from "../../shared/wait-until.ts";
import type { EmrService } from "../emr/emr-service.ts";
import type { LambdaRunner } from "../lambda/runner.ts";
import { AwsError, isObject, type JsonObject } from "../support/aws-error.ts";
import type { CallRecorder } from "../support/call-recorder.ts";

const pollIntervalMs = 200;

/** Errors that no Retry and no Catch matches. https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html */
const unhandledErrors = ["States.Runtime", "States.DataLimitExceeded"];

/** Fails a task. Retry and Catch match its name, and its message is the Cause. */
export class TaskError extends Error {
  /** True when the API refused the call, so that the .sync job never ran. */
  readonly atSubmission: boolean;
  readonly isRetryable: boolean;
  readonly isCatchable: boolean;

  constructor(name: string, cause: string, atSubmission = false) {
    super(cause);
    this.name = name;
    this.atSubmission = atSubmission;
    this.isRetryable = !unhandledErrors.includes(name);
    this.isCatchable = this.isRetryable;
  }
}

interface TaskRun {
  /** Aborts when the state has timed out or the execution has been stopped. */
  readonly signal: AbortSignal;
  /** Called with the API's answer after a .sync job was accepted. */
  readonly onSubmitted: (output: unknown) => void;
  /** The ARN of the state machine's role, which makes the calls. */
  readonly role: string;
}

/** The optimized integration of EMR gives every error of the service this one name. */
function optimizedErrorName(_: AwsError): string {
  return "EMR.AmazonElasticMapReduceException";
}

/** AWS SDK integrations use the Java SDK's exception names: those in the API's model, and EmrException for all others. */
function sdkErrorName({ name }: AwsError): string {
  return `Emr.${["InternalServerException", "InvalidRequestException"].includes(name) ? name : "EmrException"}`;
}

/** The service integrations that the account serves: Lambda, the .sync integrations of EMR and one SDK integration. */
export class TaskIntegrations {
  readonly #lambda: LambdaRunner;
  readonly #emr: EmrService;
  readonly #calls: CallRecorder;

  constructor(lambda: LambdaRunner, emr: EmrService, calls: CallRecorder) {
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

  /** https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html: the function names the error; the Cause is its JSON. */
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
    checkCreateCluster(parameters);
    const answer = this.#call(run, "RunJobFlow", parameters);
    const created = { ClusterId: member(answer, "JobFlowId"), ClusterArn: member(answer, "ClusterArn") };
    run.onSubmitted(created);
    const cluster = await this.#poll(
      () => member(this.#call(run, "DescribeCluster", { ClusterId: created.ClusterId }), "Cluster"),
      ["RUNNING", "WAITING", "TERMINATED", "TERMINATED_WITH_ERRORS"],
      run.signal,
      () => this.#call(run, "TerminateJobFlows", { JobFlowIds: [created.ClusterId] }),
    );
    const output = { ...created, Cluster: cluster };
    if (stateOf(cluster).startsWith("TERMINATED")) {
      throw new TaskError("States.TaskFailed", JSON.stringify(output));
    }
    return output;
  }

  async #addStep({ ClusterId: clusterId, Step: request }: JsonObject, run: TaskRun): Promise<unknown> {
    const answer = member(this.#call(run, "AddJobFlowSteps", { JobFlowId: clusterId, Steps: [request] }), "StepIds");
    const added = { StepId: Array.isArray(answer) ? answer[0] : undefined };
    run.onSubmitted(added);
    const ids = { ClusterId: clusterId, StepId: added.StepId };
    const step = await this.#poll(
      () => member(this.#call(run, "DescribeStep", ids), "Step"),
      ["COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED"],
      run.signal,
      () => this.#call(run, "CancelSteps", { ClusterId: ids.ClusterId, StepIds: [ids.StepId] }),
    );
    if (stateOf(step) !== "COMPLETED") {
      throw new TaskError("States.TaskFailed", JSON.stringify({ ...ids, Step: step }));
    }
    return { ...added, Step: step };
  }

  async #terminateCluster(parameters: JsonObject, run: TaskRun): Promise<unknown> {
    const { ClusterId: clusterId } = parameters;
    run.onSubmitted(this.#call(run, "TerminateJobFlows", { JobFlowIds: [clusterId] }));
    const cluster = await this.#poll(
      () => member(this.#call(run, "DescribeCluster", { ClusterId: clusterId }), "Cluster"),
      ["TERMINATED", "TERMINATED_WITH_ERRORS"],
      run.signal,
      () => undefined,
    );
    return { ClusterId: clusterId, Cluster: cluster };
  }

  /** Waits for one of the states. Cancels the job when the signal aborts, as AWS does. */
  async #poll(
    describe: () => unknown,
    states: readonly string[],
    signal: AbortSignal,
    cancel: () => unknown,
  ): Promise<unknown> {
    let subject: unknown;
    const isDone = (): boolean => {
      subject = describe();
      return states.includes(stateOf(subject));
    };
    try {
      await waitUntil(isDone, { everyMs: pollIntervalMs, signal });
    } catch (error) {
      if (!signal.aborted) throw error;
      cancel();
      throw new TaskError("States.Aborted", "The task was cancelled.");
    }
    return structuredClone(subject);
  }
}

/**
 * Checks the two rules in which createCluster differs from RunJobFlow: KeepJobFlowAliveWhenNoSteps must be true, and
 * Steps is not allowed. https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr.html
 * @throws TaskError
 */
function checkCreateCluster(parameters: JsonObject): void {
  const instances = parameters["Instances"];
  if (!isObject(instances) || instances["KeepJobFlowAliveWhenNoSteps"] !== true) {
    throw new TaskError("States.Runtime", "Instances.KeepJobFlowAliveWhenNoSteps is mandatory and must be true.");
  }
  if (parameters["Steps"] !== undefined) {
    throw new TaskError("States.Runtime", "The field Steps is not allowed in createCluster: use addStep.");
  }
}

function member(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined;
}

function stateOf(subject: unknown): string {
  return String(member(member(subject, "Status"), "State"));
}

/** Words a service's error as the AWS SDK for Java does, whose message Step Functions uses as the Cause. */
function serviceCause(error: AwsError, service: string): string {
  const details = `Service: ${service}; Status Code: ${error.status}; Error Code: ${error.name}`;
  return `${error.message} (${details}; Request ID: ${randomUUID()}; Proxy: null)`;
}
