import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { DescribeStateMachineCommand, type DescribeStateMachineCommandOutput, SFNClient } from "@aws-sdk/client-sfn";
import { ExecutionAbortedError, ExecutionError, ExecutionTimeoutError, StateMachine } from "aws-local-stepfunctions";
import { AwsError, epochSeconds, errorText, isObject, type JsonObject, page } from "../support/aws-error.ts";
import { writeJson } from "../support/files.ts";
import { ServiceModel } from "../support/service-model.ts";
import type { AccountContext } from "../support/supervise.ts";
import { executionContext, type Machine, runnable } from "./runnable.ts";
import { TaskError, type Tasks } from "./tasks.ts";

/** Input and output of a state or an execution, in UTF-8. https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html */
const maxDataBytes = 262_144;
/** The library fails a Task without TimeoutSeconds after 60 s; AWS's default is 99,999,999 s, more than a timer can hold. */
const longestTimerSeconds = 2_000_000;
/** API reference, RedriveExecution: for so long after its end an execution can be redriven, … */
const redrivableSeconds = 14 * 24 * 3600;
/** … while its history is shorter than this, … */
const redrivableEvents = 24_999;
/** … and for so long a client token gets the same answer again. */
const clientTokenSeconds = 15 * 60;

type Run = ReturnType<StateMachine["run"]>;
type Json = Parameters<StateMachine["run"]>[0];
type EventLog = Run["eventLogs"] extends AsyncGenerator<infer Event> ? Event : never;
type ExecutionStatus = "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED";

interface HistoryEvent extends JsonObject {
  readonly timestamp: number;
  readonly type: string;
  readonly id: number;
  readonly previousEventId: number;
}

interface Execution {
  readonly executionArn: string;
  readonly stateMachineArn: string;
  readonly stateMachineName: string;
  readonly name: string;
  readonly startDate: number;
  readonly input: string;
  readonly roleArn: string;
  readonly definition: string;
  status: ExecutionStatus;
  stopDate?: number;
  output?: string;
  error?: string | undefined;
  cause?: string | undefined;
  redriveCount: number;
  redriveDate?: number;
  /** That of the last redrive. */
  redriveToken?: string | undefined;
  readonly events: HistoryEvent[];
}

/** What a running execution has besides its record. */
interface Live {
  readonly run: Run;
  /** Why it was aborted, when it was. */
  outcome?: {
    readonly status: ExecutionStatus;
    readonly error?: string | undefined;
    readonly cause?: string | undefined;
  };
  readonly tasks: Map<string, AbortController>;
  /** A Task at which a redrive goes on is scheduled again, not entered again; AWS re-enters every other state. */
  isScheduledAgain: boolean;
  done: Promise<void>;
}

class DataLimitExceeded extends TaskError {
  constructor(state: string, what: "input" | "output") {
    const limit = "a size exceeding the maximum number of bytes service limit";
    super(
      "States.DataLimitExceeded",
      `The state/task '${state}' returned a result with ${limit} (${what} > ${maxDataBytes}).`,
    );
  }
}

type Operation = (input: never) => unknown;

/** The executions half of the Step Functions API: runs the definitions that are deployed in MiniStack. */
export class StepFunctionsService {
  readonly #context: AccountContext;
  readonly #tasks: Tasks;
  readonly #model: ServiceModel;
  readonly #machines: SFNClient;
  readonly #events: EventBridgeClient;
  readonly #folder: string;
  readonly #executions = new Map<string, Execution>();
  readonly #live = new Map<string, Live>();
  /** Those that ran when an earlier account was killed, and have been aborted by that. */
  readonly #interrupted: readonly Execution[];
  readonly #operations: Readonly<Record<string, Operation>>;
  /** Status changes leave one after the other, in the order in which they happened. */
  #published: Promise<void> = Promise.resolve();

  constructor(context: AccountContext, tasks: Tasks) {
    const config = { endpoint: context.ministack, region: context.region, credentials: context.credentials };
    this.#context = context;
    this.#tasks = tasks;
    this.#model = new ServiceModel(context.tools, "stepfunctions");
    this.#machines = new SFNClient(config);
    this.#events = new EventBridgeClient(config);
    this.#folder = join(context.directory, "executions");
    this.#operations = {
      StartExecution: (input: { stateMachineArn: string; name?: string; input?: string }) => this.#start(input),
      DescribeExecution: (input: { executionArn: string }) => this.#describe(this.#execution(input.executionArn)),
      DescribeStateMachineForExecution: (input: { executionArn: string }) => this.#machineOf(input.executionArn),
      GetExecutionHistory: (input: HistoryRequest) => this.#history(input),
      ListExecutions: (input: ListRequest) => this.#list(input),
      StopExecution: (input: { executionArn: string; error?: string; cause?: string }) => this.#stop(input),
      RedriveExecution: (input: { executionArn: string; clientToken?: string }) => this.#redrive(input),
    };
    this.#interrupted = this.#load();
  }

  /** Does this half of the API serve the operation? The rest (state machines, tags, …) is MiniStack's. */
  serves(operation: string): boolean {
    return operation in this.#operations;
  }

  /** @throws AwsError as the Step Functions API names them */
  async handle(operation: string, input: unknown): Promise<unknown> {
    this.#model.check(operation, input);
    return (await this.#operations[operation]?.(input as never)) ?? {};
  }

  /** Tells EventBridge of the executions that ended with an earlier account; its targets must answer by now. */
  async announce(): Promise<void> {
    await Promise.all(this.#interrupted.map((execution) => this.#publish(execution)));
  }

  /** Reads what an earlier account left. Answers what it ended by being killed. */
  #load(): readonly Execution[] {
    mkdirSync(this.#folder, { recursive: true });
    const files = readdirSync(this.#folder, { recursive: true, encoding: "utf8" });
    for (const file of files.filter((name) => name.endsWith(".json"))) {
      const record: Execution = JSON.parse(readFileSync(join(this.#folder, file), "utf8"));
      const execution: Execution = { ...record, redriveCount: record.redriveCount ?? 0 };
      this.#executions.set(execution.executionArn, execution);
    }
    const interrupted = [...this.#executions.values()].filter(({ status }) => status === "RUNNING");
    for (const execution of interrupted) {
      this.#finish(execution, { status: "ABORTED", ...stopped });
    }
    return interrupted;
  }

  /** Aborts every running execution; resolves when all of them are recorded. */
  async stop(): Promise<void> {
    const live = [...this.#live.values()];
    for (const one of live) {
      one.outcome = { status: "ABORTED", ...stopped };
      one.run.abort();
    }
    await Promise.allSettled(live.map((one) => one.done));
  }

  async #start(input: { stateMachineArn: string; name?: string; input?: string }): Promise<object> {
    const machine = await this.#machine(input.stateMachineArn);
    const name = input.name ?? randomUUID();
    checkName(name);
    const text = input.input ?? "{}";
    const data = parseInput(text);
    const executionArn = `${input.stateMachineArn.replace(":stateMachine:", ":execution:")}:${name}`;
    const existing = this.#executions.get(executionArn);
    if (existing !== undefined) {
      // API reference, StartExecution: idempotent for the same name and input while the execution runs.
      if (existing.status === "RUNNING" && existing.input === text) {
        return { executionArn, startDate: existing.startDate };
      }
      throw new AwsError("ExecutionAlreadyExists", `Execution Already Exists: '${executionArn}'`);
    }
    const definition = machine.definition ?? "{}";
    const program = interpreter(runnable(definition), { checkArn: false });
    const execution: Execution = {
      executionArn,
      stateMachineArn: input.stateMachineArn,
      stateMachineName: machine.name ?? "",
      name,
      startDate: epochSeconds(),
      input: text,
      roleArn: machine.roleArn ?? "",
      definition,
      status: "RUNNING",
      redriveCount: 0,
      events: [],
    };
    this.#executions.set(executionArn, execution);
    this.#record(execution, "ExecutionStarted", {
      executionStartedEventDetails: { input: text, inputDetails: { truncated: false }, roleArn: execution.roleArn },
    });
    await this.#launch(execution, program, data, false);
    return { executionArn, startDate: execution.startDate };
  }

  /**
   * Goes on at the state where the execution ended, with that state's input, the definition of then and a fresh TimeoutSeconds.
   * https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html. A Map or Parallel is begun anew.
   */
  async #redrive(input: { executionArn: string; clientToken?: string }): Promise<object> {
    const execution = this.#execution(input.executionArn);
    const { redriveDate, redriveToken, events } = execution;
    if (redriveDate !== undefined && input.clientToken !== undefined && input.clientToken === redriveToken) {
      if (epochSeconds() - redriveDate < clientTokenSeconds) {
        return { redriveDate };
      }
    }
    const obstacle = redriveObstacle(execution);
    if (obstacle !== undefined) {
      throw new AwsError("ExecutionNotRedrivable", obstacle);
    }
    const { States: states } = runnable(execution.definition);
    const entered = events.map(enteredState).findLast((one) => one !== undefined && one.name in states);
    const { name, input: data } = entered ?? { name: undefined, input: execution.input };
    // It was valid when it first ran; where a redrive begins, the states before are not reachable, which is no error.
    const program = interpreter(runnable(execution.definition, name), { noValidate: true });
    execution.status = "RUNNING";
    execution.redriveCount += 1;
    execution.redriveDate = epochSeconds();
    execution.redriveToken = input.clientToken;
    for (const key of ["stopDate", "error", "cause"] as const) {
      delete execution[key];
    }
    this.#record(execution, "ExecutionRedriven", {
      executionRedrivenEventDetails: { redriveCount: execution.redriveCount },
    });
    const isTask = name !== undefined && states[name]?.Type === "Task";
    await this.#launch(execution, program, JSON.parse(data), isTask);
    return { redriveDate: execution.redriveDate };
  }

  async #launch(
    execution: Execution,
    { machine, taskStates }: Program,
    input: Json,
    isScheduledAgain: boolean,
  ): Promise<void> {
    const tasks = new Map<string, AbortController>();
    const handlers = taskStates.map(([name, resource, timeoutSeconds]) => {
      const handler = (parameters: unknown) => this.#task(execution, name, resource, timeoutSeconds, parameters, tasks);
      return [name, handler as (input: Json) => Promise<Json>] as const;
    });
    const run = machine.run(input, {
      overrides: { taskResourceLocalHandlers: Object.fromEntries(handlers) },
      context: {
        Execution: {
          Id: execution.executionArn,
          Name: execution.name,
          RoleArn: execution.roleArn,
          RedriveCount: execution.redriveCount,
          ...executionContext(new Date(execution.startDate * 1000)),
        },
        StateMachine: { Id: execution.stateMachineArn, Name: execution.stateMachineName },
      },
    });
    run.result.catch(() => undefined); // read in #settle, after the events
    const live: Live = { run, tasks, isScheduledAgain, done: Promise.resolve() };
    this.#live.set(execution.executionArn, live);
    live.done = this.#settle(execution, live).catch((error: unknown) =>
      this.#context.log(`stepfunctions: the end of ${execution.name} was not kept: ${errorText(error)}`),
    );
    this.#save(execution);
    await this.#publish(execution);
  }

  /** Follows an execution to its end and records how it ended. */
  async #settle(execution: Execution, live: Live): Promise<void> {
    for await (const event of live.run.eventLogs) {
      this.#observe(execution, live, event);
    }
    let outcome: NonNullable<Live["outcome"]> & { readonly output?: string };
    try {
      outcome = { status: "SUCCEEDED", output: JSON.stringify(await live.run.result) };
    } catch (error) {
      outcome = this.#failure(error);
    }
    for (const task of live.tasks.values()) {
      task.abort();
    }
    this.#live.delete(execution.executionArn);
    this.#finish(execution, live.outcome ?? outcome);
    await this.#publish(execution);
  }

  #failure(error: unknown): NonNullable<Live["outcome"]> {
    if (error instanceof ExecutionAbortedError) {
      return { status: "ABORTED" };
    }
    if (error instanceof ExecutionTimeoutError) {
      return { status: "TIMED_OUT", error: "States.Timeout" };
    }
    const cause = error instanceof ExecutionError ? error.cause : error;
    if (!(cause instanceof Error)) {
      return { status: "FAILED", error: "States.Runtime", cause: String(cause) };
    }
    // A Fail state without Error has no error on AWS; the library calls it so.
    const unnamed = cause.name === "FailStateError";
    return { status: "FAILED", error: unnamed ? undefined : cause.name, cause: cause.message };
  }

  #finish(execution: Execution, outcome: NonNullable<Live["outcome"]> & { readonly output?: string }): void {
    execution.status = outcome.status;
    execution.stopDate = epochSeconds();
    const cause = outcome.cause?.slice(0, 32_768);
    if (outcome.output === undefined) {
      Object.assign(execution, { error: outcome.error, cause });
    } else {
      execution.output = outcome.output;
    }
    const kind = { SUCCEEDED: "Succeeded", FAILED: "Failed", TIMED_OUT: "TimedOut", ABORTED: "Aborted", RUNNING: "" }[
      outcome.status
    ];
    this.#record(execution, `Execution${kind}`, {
      [`execution${kind}EventDetails`]:
        outcome.output === undefined
          ? { error: outcome.error, cause }
          : { output: outcome.output, outputDetails: { truncated: false } },
    });
    this.#save(execution);
  }

  /** Turns the library's events into AWS's history, and enforces what the library does not. */
  #observe(execution: Execution, live: Live, event: EventLog): void {
    if (event.type === "StateEntered" && live.isScheduledAgain) {
      live.isScheduledAgain = false;
    } else if (event.type === "StateEntered") {
      const input = JSON.stringify(event.state.input);
      this.#record(execution, `${event.state.type}StateEntered`, {
        stateEnteredEventDetails: { name: event.state.name, input, inputDetails: { truncated: false } },
      });
    } else if (event.type === "StateExited") {
      const output = JSON.stringify(event.state.output);
      if (Buffer.byteLength(output) > maxDataBytes) {
        const { name: error, message: cause } = new DataLimitExceeded(event.state.name, "output");
        live.outcome ??= { status: "FAILED", error, cause };
        live.run.abort();
      } else if (event.state.type !== "Fail") {
        this.#record(execution, `${event.state.type}StateExited`, {
          stateExitedEventDetails: { name: event.state.name, output, outputDetails: { truncated: false } },
        });
      }
    } else if (event.type === "StateFailed" && event.state.type === "Task" && event.Error === "States.Timeout") {
      // The library stops waiting for the task but cannot stop it: that is for us.
      const task = live.tasks.get(event.state.name);
      if (task !== undefined) {
        task.abort();
        live.tasks.delete(event.state.name);
        const resource =
          taskStatesOf(JSON.parse(execution.definition)).find(([name]) => name === event.state.name)?.[1] ?? "";
        this.#recordTask(execution, resource, "TimedOut", { error: "States.Timeout" });
      }
    }
  }

  async #task(
    execution: Execution,
    state: string,
    resource: string,
    timeoutInSeconds: number | undefined,
    parameters: unknown,
    running: Map<string, AbortController>,
  ): Promise<unknown> {
    await setImmediate(); // the library's events of what came before are read first
    const cancel = new AbortController();
    const { signal } = cancel;
    // The library tries again after an abort, and the execution may have been redriven since: that is another run.
    const live = this.#live.get(execution.executionArn);
    if (live?.tasks !== running || live.outcome !== undefined) {
      throw new TaskError("States.Aborted", "The execution has ended.");
    }
    running.set(state, cancel);
    const record = (kind: TaskEvent, fields: JsonObject) => {
      if (!signal.aborted) {
        this.#recordTask(execution, resource, kind, fields);
      }
    };
    const { region } = this.#context;
    const text = JSON.stringify(parameters);
    record("Scheduled", {
      ...(isFunction(resource)
        ? { resource, input: text, inputDetails: { truncated: false } }
        : { region, parameters: text }),
      ...(timeoutInSeconds === undefined ? {} : { timeoutInSeconds }),
    });
    record("Started", {});
    this.#save(execution);
    try {
      if (Buffer.byteLength(text) > maxDataBytes) {
        throw new DataLimitExceeded(state, "input");
      }
      const submitted = (answer: unknown) =>
        record("Submitted", { output: JSON.stringify(answer), outputDetails: { truncated: false } });
      const output = await this.#tasks.run(resource, parameters, { signal, submitted, role: execution.roleArn });
      const outputText = JSON.stringify(output);
      if (Buffer.byteLength(outputText) > maxDataBytes) {
        throw new DataLimitExceeded(state, "output");
      }
      record("Succeeded", { output: outputText, outputDetails: { truncated: false } });
      return output;
    } catch (error) {
      const failure = error instanceof TaskError ? error : new TaskError("States.TaskFailed", errorText(error));
      const refused = failure.atSubmission && resource.endsWith(".sync");
      record(refused ? "SubmitFailed" : "Failed", { error: failure.name, cause: failure.message });
      throw failure;
    } finally {
      if (running.get(state) === cancel) {
        running.delete(state);
      }
    }
  }

  #stop(input: { executionArn: string; error?: string; cause?: string }): Promise<object> | object {
    const execution = this.#execution(input.executionArn);
    const live = this.#live.get(input.executionArn);
    if (live === undefined) {
      return { stopDate: execution.stopDate };
    }
    live.outcome ??= { status: "ABORTED", error: input.error, cause: input.cause };
    live.run.abort();
    return live.done.then(() => ({ stopDate: execution.stopDate }));
  }

  #describe(execution: Execution): object {
    const { events: _, definition: __, roleArn: ___, stateMachineName: ____, redriveToken: _____, ...rest } = execution;
    return {
      ...rest,
      inputDetails: { included: true },
      ...(execution.output === undefined ? {} : { outputDetails: { included: true } }),
      ...redriveStatus(execution),
    };
  }

  #machineOf(executionArn: string): object {
    const { stateMachineArn, stateMachineName: name, definition, roleArn, startDate } = this.#execution(executionArn);
    return { stateMachineArn, name, definition, roleArn, updateDate: startDate };
  }

  #history(input: HistoryRequest): object {
    const { events } = this.#execution(input.executionArn);
    const ordered = input.reverseOrder === true ? events.toReversed() : events;
    const { items, next } = page(ordered, input.nextToken, input.maxResults || 100);
    const shown = input.includeExecutionData === false ? items.map(withoutData) : items;
    return { events: shown, ...(next === undefined ? {} : { nextToken: next }) };
  }

  async #list(input: ListRequest): Promise<object> {
    if (input.stateMachineArn === undefined) {
      throw new AwsError("ValidationException", "Must provide a StateMachineArn to ListExecutions.");
    }
    await this.#machine(input.stateMachineArn);
    const found = [...this.#executions.values()]
      .filter((execution) => execution.stateMachineArn === input.stateMachineArn)
      .filter((execution) => input.statusFilter === undefined || execution.status === input.statusFilter)
      .sort((a, b) => b.startDate - a.startDate)
      .map(({ executionArn, stateMachineArn, name, status, startDate, stopDate, redriveCount, redriveDate }) => {
        return { executionArn, stateMachineArn, name, status, startDate, stopDate, redriveCount, redriveDate };
      });
    const { items, next } = page(found, input.nextToken, input.maxResults || 100);
    return { executions: items, ...(next === undefined ? {} : { nextToken: next }) };
  }

  #execution(arn: string): Execution {
    const execution = this.#executions.get(arn);
    if (execution === undefined) {
      throw new AwsError("ExecutionDoesNotExist", `Execution Does Not Exist: '${arn}'`);
    }
    return execution;
  }

  async #machine(stateMachineArn: string): Promise<DescribeStateMachineCommandOutput> {
    try {
      return await this.#machines.send(new DescribeStateMachineCommand({ stateMachineArn }));
    } catch (error) {
      if (error instanceof Error && (error.name === "StateMachineDoesNotExist" || error.name === "InvalidArn")) {
        throw new AwsError(error.name, error.message);
      }
      throw error;
    }
  }

  /** API reference, HistoryEvent: a Task whose resource is a function has events and details of their own kind. */
  #recordTask(execution: Execution, resource: string, kind: TaskEvent, fields: JsonObject): void {
    if (!isFunction(resource)) {
      this.#record(execution, `Task${kind}`, {
        [`task${kind}EventDetails`]: { ...resourceDetails(resource), ...fields },
      });
    } else if (kind === "Started") {
      this.#record(execution, "LambdaFunctionStarted", {});
    } else {
      this.#record(execution, `LambdaFunction${kind}`, { [`lambdaFunction${kind}EventDetails`]: fields });
    }
  }

  #record(execution: Execution, type: string, details: JsonObject): void {
    const id = execution.events.length + 1;
    // On AWS the first state's event follows nothing, too.
    const previousEventId = id <= 2 ? 0 : id - 1;
    execution.events.push({ timestamp: epochSeconds(), type, id, previousEventId, ...details });
  }

  #save(execution: Execution): void {
    writeJson(join(this.#folder, execution.stateMachineName, `${execution.name}.json`), execution);
  }

  #publish(execution: Execution): Promise<void> {
    const detail = statusChange(execution);
    this.#published = this.#published.then(() => this.#put(execution, detail));
    return this.#published;
  }

  async #put({ executionArn, name }: Execution, detail: JsonObject): Promise<void> {
    const entry = {
      Source: "aws.states",
      DetailType: "Step Functions Execution Status Change",
      Resources: [executionArn],
      Detail: JSON.stringify(detail),
    };
    try {
      const { Entries: [answer] = [] } = await this.#events.send(new PutEventsCommand({ Entries: [entry] }));
      if (answer?.ErrorCode !== undefined) {
        throw new AwsError(answer.ErrorCode, answer.ErrorMessage ?? "");
      }
    } catch (failure) {
      this.#context.log(
        `stepfunctions: the event of ${name} (${detail["status"]}) was not delivered: ${errorText(failure)}`,
      );
    }
  }
}

/** https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html: times in ms, nulls where nothing is. */
function statusChange(execution: Execution): JsonObject {
  const { executionArn, stateMachineArn, name, status, startDate, stopDate, input, output, error, cause } = execution;
  const { redriveCount, redriveDate } = execution;
  return {
    executionArn,
    stateMachineArn,
    name,
    status,
    startDate: Math.round(startDate * 1000),
    stopDate: stopDate === undefined ? null : Math.round(stopDate * 1000),
    input,
    inputDetails: { included: true },
    output: output ?? null,
    outputDetails: output === undefined ? null : { included: true },
    error: error ?? null,
    cause: cause ?? null,
    redriveCount,
    redriveDate: redriveDate === undefined ? null : Math.round(redriveDate * 1000),
    redriveStatusReason: null,
    ...redriveStatus(execution),
  };
}

/** Why an execution cannot be redriven. API reference, RedriveExecution: the conditions. */
function redriveObstacle({ status, stopDate = 0, events }: Execution): string | undefined {
  if (status === "RUNNING" || status === "SUCCEEDED") {
    return `Execution is ${status} and cannot be redriven`;
  }
  if (epochSeconds() - stopDate > redrivableSeconds) {
    return "Execution ended more than 14 days ago and cannot be redriven";
  }
  return events.length < redrivableEvents ? undefined : `Execution has ${events.length} events and cannot be redriven`;
}

function redriveStatus(execution: Execution): JsonObject {
  const redriveStatusReason = redriveObstacle(execution);
  return redriveStatusReason === undefined
    ? { redriveStatus: "REDRIVABLE" }
    : { redriveStatus: "NOT_REDRIVABLE", redriveStatusReason };
}

/** The name and the input of a state, when it is its entry that the event tells. */
function enteredState(event: HistoryEvent): { readonly name: string; readonly input: string } | undefined {
  const details = event["stateEnteredEventDetails"];
  return isObject(details) ? { name: String(details["name"]), input: String(details["input"]) } : undefined;
}

interface HistoryRequest {
  readonly executionArn: string;
  readonly maxResults?: number;
  readonly reverseOrder?: boolean;
  readonly nextToken?: string;
  readonly includeExecutionData?: boolean;
}

interface ListRequest {
  readonly stateMachineArn?: string;
  readonly statusFilter?: string;
  readonly maxResults?: number;
  readonly nextToken?: string;
}

const stopped = { error: "EmbeddedAccount.Stopped", cause: "The embedded account stopped while this execution ran." };

/** A definition that the interpreter takes, with its Tasks. */
interface Program {
  readonly machine: StateMachine;
  readonly taskStates: ReturnType<typeof taskStatesOf>;
}

/** @throws AwsError ValidationException when the interpreter does not take the definition */
function interpreter(definition: Machine, validationOptions: { checkArn?: boolean; noValidate?: boolean }): Program {
  const taskStates = taskStatesOf(definition);
  const { TimeoutSeconds: seconds } = definition;
  const timed = seconds === undefined ? {} : { TimeoutSeconds: Math.min(seconds, longestTimerSeconds) };
  try {
    return { machine: new StateMachine({ ...definition, ...timed }, { validationOptions }), taskStates };
  } catch (error) {
    throw new AwsError("ValidationException", `The embedded account cannot run the definition: ${errorText(error)}`);
  }
}

/** Every Task of the machine, also those in Map and Parallel: name, resource, timeout. Sets the timeouts it must have. */
function taskStatesOf(definition: Pick<Machine, "States">): readonly (readonly [string, string, number | undefined])[] {
  return Object.entries(definition.States).flatMap(([name, state]) => {
    if (state.Type === "Task") {
      const { TimeoutSeconds: seconds } = state;
      if (state.TimeoutSecondsPath === undefined) {
        state.TimeoutSeconds = Math.min(seconds ?? longestTimerSeconds, longestTimerSeconds);
      }
      return [[name, state.Resource, seconds] as const];
    }
    const nested =
      state.Type === "Parallel" ? state.Branches : state.Type === "Map" ? [state.ItemProcessor ?? state.Iterator] : [];
    return nested.flatMap((one) => (one === undefined ? [] : taskStatesOf(one)));
  });
}

type TaskEvent = "Scheduled" | "Started" | "Submitted" | "SubmitFailed" | "Succeeded" | "Failed" | "TimedOut";

function isFunction(resource: string): boolean {
  return resource.startsWith("arn:aws:lambda:");
}

/** arn:aws:states:::aws-sdk:emr:putManagedScalingPolicy is of the type aws-sdk:emr. */
function resourceDetails(resource: string): { readonly resourceType: string; readonly resource: string } {
  const integration = resource.replace(/^arn:aws:states:::/, "");
  const colon = integration.lastIndexOf(":");
  return { resourceType: integration.slice(0, colon), resource: integration.slice(colon + 1) };
}

/** API reference, StartExecution: what a name must not contain. */
function checkName(name: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are among what is forbidden
  if (name.length < 1 || name.length > 80 || /[\s<>{}[\]?*"#%\\^|~`$&,;:/\u0000-\u001f\u007f-\u009f]/.test(name)) {
    throw new AwsError("InvalidName", `Invalid Name: '${name}'`);
  }
}

function parseInput(text: string): Json {
  if (Buffer.byteLength(text) > maxDataBytes) {
    throw new AwsError("InvalidExecutionInput", `The execution input has more than ${maxDataBytes} bytes.`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AwsError("InvalidExecutionInput", `Invalid State Machine Execution Input: '${errorText(error)}'`);
  }
}

function withoutData(event: HistoryEvent): JsonObject {
  const hide = ([key, value]: [string, unknown]) => {
    return isObject(value)
      ? [key, Object.fromEntries(Object.entries(value).filter(([name]) => !DATA.includes(name)))]
      : [key, value];
  };
  return Object.fromEntries(Object.entries(event).map(hide));
}

const DATA = ["input", "output", "parameters"];
