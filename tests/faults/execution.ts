import { createRequire } from "node:module";
import type { StateMachine } from "aws-local-stepfunctions";
import { executionContext, runnable } from "../../local/stepfunctions/runnable.ts";
import { AwsError } from "../../local/support/aws-error.ts";
import { never, TaskError } from "./errors.ts";
import { type Host, load } from "./sandbox.ts";
import type { Caller, Stop, World } from "./world.ts";

/** Input and output of a state, in bytes. Step Functions guide, "Quotas related to state machine executions". */
const maxDataBytes = 262_144;
const second = 1000;
const minute = 60 * second;

type Library = { readonly StateMachine: typeof StateMachine };
type Status = "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED";

export interface HistoryEvent {
  readonly at: number;
  readonly type: string;
  readonly state?: string;
  readonly error?: string;
  readonly cause?: string;
}

export interface Ended {
  readonly status: Status;
  readonly error?: string;
  readonly cause?: string;
}

/** An execution from its start, or from a redrive, to its next end. */
export interface Run {
  /** 0, or the how-manieth redrive it is. */
  readonly number: number;
  readonly startedAt: number;
  /** So many events of the history were there before. */
  readonly offset: number;
  /** Virtual time of its end. */
  readonly endedAt: number;
  readonly outcome: Ended;
}

/** A run that is on, or was: what the interpreter still does for one that is over comes to nothing. */
interface Attempt extends Run {
  outcome: Ended;
  endedAt: number;
  readonly tasks: Map<string, Task>;
  abort: () => void;
}

let host: Host | undefined;
const library = load<Library>(
  createRequire(import.meta.url).resolve("aws-local-stepfunctions"),
  () => {
    if (host === undefined) throw new Error("No execution has begun");
    return host;
  },
  {},
);

/** Neither retried nor caught by States.ALL. Step Functions guide, "Handling errors in workflows". */
class Uncatchable extends TaskError {
  readonly isRetryable = false;
  readonly isCatchable = false;
}
const uncatchable = ["States.DataLimitExceeded", "States.Runtime"];

/** The names of EMR's errors by the integration "elasticmapreduce". */
const ownErrors = { service: "EMR.AmazonElasticMapReduceException", client: "EMR.SdkClientException" };
/**
 * And by "aws-sdk:emr": service and exception, for what the operation does not list the SDK's general one. Step Functions
 * guide, "Learning to use AWS service SDK integrations".
 */
const sdkErrors = { service: "Emr.EmrException", client: "Emr.SdkClientException" };

/** A task that runs: what to do when it is given up. */
interface Task {
  isOver: boolean;
  cancel?: (caller: Caller) => Promise<unknown>;
}

/** What every execution is started with; so few images need no core nodes, but managed scaling wants some. */
const input = { mode: "full", formats: ["csv"], pca: { components: 2 }, cluster: { coreCount: 2 } };

/** One execution: the interpreter of the ASL is a library, the integrations with EMR and Lambda are modelled. */
export class Execution {
  readonly name: string;
  readonly arn: string;
  readonly history: HistoryEvent[] = [];
  readonly startedAt: number;
  readonly input: object;
  readonly #world: World;
  readonly #stops: readonly Stop[];
  readonly #runs: Attempt[] = [];
  /** The state in which it is, or was at its end, and that state's input. */
  #entered: { readonly state?: string; readonly input: unknown } = { input };

  constructor(world: World, name: string, stops: readonly Stop[], more: object = {}) {
    this.#world = world;
    this.#stops = stops;
    this.name = name;
    this.arn = `${world.deployed.stateMachineArn.replace(":stateMachine:", ":execution:")}:${name}`;
    this.startedAt = world.clock.now;
    this.input = { ...input, ...(world.scenario.overlap && { overlap: world.scenario.overlap }), ...more };
    this.#entered = { input: this.input };
    this.#run();
  }

  get runs(): readonly Run[] {
    return this.#runs;
  }

  get status(): Status {
    return this.outcome.status;
  }

  get outcome(): Ended {
    return this.#last.outcome;
  }

  get endedAt(): number {
    return this.#last.endedAt;
  }

  /** Goes on at the state in which it ended. Step Functions guide, "Restarting state machine executions with redrive". */
  redrive(): void {
    this.#record({ type: "ExecutionRedriven" });
    this.#run();
  }

  get #last(): Attempt {
    const last = this.#runs.at(-1);
    if (last === undefined) throw new Error("It has not begun");
    return last;
  }

  #run(): void {
    const { clock, host: surroundings, deployed } = this.#world;
    const { state: startAt, input: data } = this.#entered;
    const run: Attempt = {
      number: this.#runs.length,
      startedAt: clock.now,
      offset: this.history.length,
      endedAt: Number.POSITIVE_INFINITY,
      outcome: { status: "RUNNING" },
      tasks: new Map(),
      abort: () => undefined,
    };
    this.#runs.push(run);
    host = surroundings;
    const definition = runnable(JSON.stringify(deployed.definition), startAt);
    const tasks = Object.entries(definition.States).flatMap(([name, state]) => {
      return state.Type === "Task" ? [[name, state] as const] : [];
    });
    // The library gives up a Task without TimeoutSeconds after a minute, AWS after three years.
    for (const [, state] of tasks) state.TimeoutSeconds ??= 99_999_999;
    const handlers = tasks.map(([name, { Resource }]) => [
      name,
      (parameters: unknown) => this.#task(run, name, Resource, parameters),
    ]);
    const machine = new library.StateMachine(definition, { validationOptions: { noValidate: true } });
    const running = machine.run(data as Parameters<StateMachine["run"]>[0], {
      overrides: { taskResourceLocalHandlers: Object.fromEntries(handlers) },
      context: { Execution: { Id: this.arn, Name: this.name, ...executionContext(new Date(this.startedAt)) } },
    });
    run.abort = running.abort;
    running.result.catch(() => undefined); // read after the events
    this.#follow(run, running);
  }

  describe(): object {
    const { status, error, cause } = this.outcome;
    const times = status === "RUNNING" ? {} : { stopDate: this.endedAt / second };
    return {
      executionArn: this.arn,
      name: this.name,
      status,
      error,
      cause,
      startDate: this.startedAt / second,
      ...(this.#runs.length > 1 ? { redriveDate: this.#last.startedAt / second } : {}),
      input: JSON.stringify(this.input),
      ...times,
    };
  }

  /** Step Functions guide, "Automating event delivery with EventBridge". */
  statusChange(): unknown {
    const { status, error = null, cause = null } = this.outcome;
    return {
      source: "aws.states",
      "detail-type": "Step Functions Execution Status Change",
      detail: {
        executionArn: this.arn,
        stateMachineArn: this.#world.deployed.stateMachineArn,
        name: this.name,
        status,
        startDate: this.startedAt,
        stopDate: status === "RUNNING" ? null : this.endedAt,
        input: JSON.stringify(this.input),
        error,
        cause,
      },
    };
  }

  async #follow(run: Attempt, running: ReturnType<StateMachine["run"]>): Promise<void> {
    // A Task at which a redrive goes on is scheduled again, and not entered again.
    let isScheduledAgain = this.#world.deployed.definition.States[this.#entered.state ?? ""]?.Type === "Task";
    for await (const event of running.eventLogs) {
      const state = "state" in event ? event.state.name : "";
      if (event.type === "StateEntered") {
        this.#entered = { state, input: structuredClone(event.state.input) };
        if (!isScheduledAgain) this.#record({ type: "StateEntered", state });
        isScheduledAgain = false;
      } else if (event.type === "StateExited") this.#leave(state, event.state.output);
      else if (event.type === "StateFailed" && event.state.type === "Task" && event.Error === "States.Timeout") {
        this.#record({ type: "TaskTimedOut", state });
        this.#giveUp(run, state);
      }
    }
    const failed = await running.result.then(
      () => undefined,
      (error: Error) => (error.name === "ExecutionError" ? (error.cause as Error) : error),
    );
    if (run.outcome.status === "RUNNING") {
      if (failed === undefined) this.#finish({ status: "SUCCEEDED" });
      else if (failed.name === "ExecutionTimeoutError") this.#finish({ status: "TIMED_OUT", error: "States.Timeout" });
      else this.#finish({ status: "FAILED", error: failed.name, cause: failed.message });
    }
    for (const state of run.tasks.keys()) this.#giveUp(run, state);
    this.#record({ type: `Execution${this.status}`, ...this.outcome });
    this.#world.over(this);
  }

  /** Ends the execution at once, whatever runs in it. */
  stop(outcome: Ended): void {
    if (this.status !== "RUNNING") return;
    this.#finish(outcome);
    this.#last.abort();
  }

  #finish(outcome: Ended): void {
    const run = this.#last;
    run.outcome = outcome;
    run.endedAt = this.#world.clock.now;
  }

  #leave(state: string, output: unknown): void {
    if (Buffer.byteLength(JSON.stringify(output)) > maxDataBytes)
      this.stop({ status: "FAILED", error: "States.DataLimitExceeded", cause: state });
    else this.#record({ type: "StateExited", state });
  }

  #record(event: Omit<HistoryEvent, "at">): void {
    this.history.push({ at: this.#world.clock.now, ...event });
    for (const { event: number, afterMs, status } of this.#stops) {
      if (number !== this.history.length) continue;
      const error = status === "TIMED_OUT" ? { error: "States.Timeout" } : {};
      this.#world.clock.setTimeout(() => this.stop({ status, ...error }), afterMs);
    }
  }

  /** A task that nobody waits for any more is cancelled, as far as that can be. */
  #giveUp({ tasks, number }: Attempt, state: string): void {
    const task = tasks.get(state);
    tasks.delete(state);
    if (task === undefined || task.isOver) return;
    task.isOver = true;
    // "Step Functions will make a best-effort attempt to cancel the task": it may fail, and nobody hears of it.
    task.cancel?.({ execution: this.name, run: number, state: "cancel" }).catch(() => undefined);
  }

  async #task(run: Attempt, state: string, resource: string, parameters: unknown): Promise<never> {
    const { clock } = this.#world;
    const task: Task = { isOver: false };
    run.tasks.set(state, task);
    await clock.sleep(10);
    // The library tries again or goes on in an execution that has ended; AWS does not.
    if (task.isOver || run.outcome.status !== "RUNNING") return never;
    this.#record({ type: "TaskScheduled", state });
    const caller: Caller = { execution: this.name, run: run.number, state };
    try {
      const output = await this.#integrate(caller, resource, parameters, task);
      if (task.isOver) return never;
      this.#record({ type: "TaskSucceeded", state });
      return output as never;
    } catch (error) {
      if (task.isOver) return never;
      if (!(error instanceof TaskError)) throw error;
      const { name, message } = error;
      this.#record({ type: "TaskFailed", state, error: name, cause: message });
      throw uncatchable.includes(name) ? new Uncatchable(name, message) : error;
    } finally {
      // A later attempt has a task of its own.
      if (run.tasks.get(state) === task) run.tasks.delete(state);
    }
  }

  // biome-ignore lint/suspicious/noExplicitAny: as many types as integrations
  async #integrate(caller: Caller, resource: string, parameters: any, task: Task): Promise<unknown> {
    if (resource.startsWith("arn:aws:lambda:")) return this.#world.invoke(caller, resource, parameters);
    const { ClusterId: clusterId } = parameters;
    switch (resource.replace(/^arn:aws:states:::(elasticmapreduce|aws-sdk:emr):/, "")) {
      case "createCluster.sync": {
        const { JobFlowId: id } = await this.#emr(caller, "RunJobFlow", parameters);
        task.cancel = (by) => this.#world.emrCall(by, "TerminateJobFlows", { JobFlowIds: [id] });
        if (task.isOver) this.#cancelLate(caller, task);
        this.#submitted(caller, task);
        const ready = ["RUNNING", "WAITING", "TERMINATED", "TERMINATED_WITH_ERRORS"];
        const cluster = await this.#poll(caller, "DescribeCluster", { ClusterId: id }, "Cluster", ready, task);
        const output = { ClusterId: id, Cluster: cluster };
        if (stateOf(cluster).startsWith("TERMINATED")) throw new TaskError("States.TaskFailed", JSON.stringify(output));
        return output;
      }
      case "addStep.sync": {
        const request = { JobFlowId: clusterId, Steps: [parameters.Step] };
        const { StepIds: ids } = await this.#emr(caller, "AddJobFlowSteps", request);
        task.cancel = (by) => this.#world.emrCall(by, "CancelSteps", { ClusterId: clusterId, StepIds: ids });
        this.#submitted(caller, task);
        const input = { ClusterId: clusterId, StepId: ids[0] };
        const over = ["COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED"];
        const step = await this.#poll(caller, "DescribeStep", input, "Step", over, task);
        const output = { ...input, Step: step };
        if (stateOf(step) !== "COMPLETED") throw new TaskError("States.TaskFailed", JSON.stringify(output));
        return output;
      }
      case "putManagedScalingPolicy":
        return this.#emr(caller, "PutManagedScalingPolicy", parameters, sdkErrors);
      case "terminateCluster":
        return this.#emr(caller, "TerminateJobFlows", { JobFlowIds: [clusterId] });
      case "terminateCluster.sync": {
        await this.#emr(caller, "TerminateJobFlows", { JobFlowIds: [clusterId] });
        this.#submitted(caller, task);
        const gone = ["TERMINATED", "TERMINATED_WITH_ERRORS"];
        return this.#poll(caller, "DescribeCluster", { ClusterId: clusterId }, "Cluster", gone, task);
      }
      default:
        throw new TaskError("States.Runtime", `${resource} is not modelled`);
    }
  }

  /** The answer to RunJobFlow came after the state had been given up: Step Functions has an id to cancel, at best. */
  #cancelLate(caller: Caller, task: Task): void {
    task.cancel?.({ ...caller, state: "cancel" }).catch(() => undefined);
  }

  #submitted({ state }: Caller, task: Task): void {
    if (!task.isOver) this.#record({ type: "TaskSubmitted", state });
  }

  // biome-ignore lint/suspicious/noExplicitAny: as many types as operations
  async #emr(caller: Caller, operation: string, input: unknown, names = ownErrors): Promise<any> {
    try {
      return await this.#world.emrCall(caller, operation, input);
    } catch (error) {
      const { name, message } = error as Error;
      if (error instanceof AwsError) {
        const cause = `${message} (Service: AmazonElasticMapReduce; Status Code: ${error.status}; Error Code: ${name})`;
        throw new TaskError(names.service, cause);
      }
      throw new TaskError(names.client, `Unable to execute HTTP request: ${message}`);
    }
  }

  /** Asks once a minute, as the integration does at first. */
  async #poll(
    caller: Caller,
    operation: string,
    input: unknown,
    member: string,
    states: readonly string[],
    task: Task,
  ): Promise<Described> {
    while (!task.isOver) {
      const found = (await this.#emr(caller, operation, input))[member];
      if (states.includes(stateOf(found))) return structuredClone(found);
      await this.#world.clock.sleep(minute);
    }
    return never;
  }
}

interface Described {
  readonly Status: { readonly State: string };
}

function stateOf(described: Described): string {
  return described.Status.State;
}
