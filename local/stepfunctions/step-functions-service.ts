import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { DescribeStateMachineCommand, type DescribeStateMachineCommandOutput, SFNClient } from "@aws-sdk/client-sfn";
import type { AccountContext } from "../support/account-context.ts";
import { AwsError, epochSeconds, errorText, page } from "../support/aws-error.ts";
import { ServiceModel } from "../support/service-model.ts";
import { addEvent, type HistoryRequest, historyPage } from "./execution-history.ts";
import { accountStopped, endExecution, type Outcome } from "./execution-outcome.ts";
import type { Execution } from "./execution-record.ts";
import { ExecutionRun } from "./execution-run.ts";
import { ExecutionStore } from "./execution-store.ts";
import { compile, type Json, type Program } from "./interpreter.ts";
import { isRepeatedRedrive, redriveObstacle, redriveStatus, resumePoint } from "./redrive.ts";
import { runnable } from "./runnable.ts";
import { checkExecutionName, parseExecutionInput } from "./start-request.ts";
import { StatusEvents } from "./status-events.ts";
import type { TaskIntegrations } from "./task-integrations.ts";

type Operation = (input: never) => unknown;

interface LiveExecution {
  readonly run: ExecutionRun;
  /** Resolves when the end has been recorded and published. */
  readonly finished: Promise<void>;
}

/** The executions half of the Step Functions API: runs the state machines that are deployed in MiniStack. */
export class StepFunctionsService {
  readonly #context: AccountContext;
  readonly #tasks: TaskIntegrations;
  readonly #model: ServiceModel;
  readonly #stateMachines: SFNClient;
  readonly #statusEvents: StatusEvents;
  readonly #store: ExecutionStore;
  readonly #live = new Map<string, LiveExecution>();
  /** Executions that an earlier account left running; loading the store has aborted them. */
  readonly #interrupted: readonly Execution[];
  readonly #operations: Readonly<Record<string, Operation>>;

  constructor(context: AccountContext, tasks: TaskIntegrations) {
    const { ministack: endpoint, region, credentials } = context;
    this.#context = context;
    this.#tasks = tasks;
    this.#model = new ServiceModel(context.tools, "stepfunctions");
    this.#stateMachines = new SFNClient({ endpoint, region, credentials });
    this.#statusEvents = new StatusEvents(context);
    this.#store = new ExecutionStore(join(context.directory, "executions"), context.log);
    this.#operations = {
      StartExecution: (input: StartRequest) => this.#start(input),
      DescribeExecution: (input: ExecutionRequest) => describeExecution(this.#store.get(input.executionArn)),
      GetExecutionHistory: (input: HistoryRequest) => historyPage(this.#store.get(input.executionArn), input),
      ListExecutions: (input: ListRequest) => this.#list(input),
      StopExecution: (input: StopRequest) => this.#stop(input),
      RedriveExecution: (input: RedriveRequest) => this.#redrive(input),
    };
    this.#interrupted = this.#store.load();
  }

  /** Tells whether this service answers an operation. MiniStack answers the others: state machines, tags and so on. */
  serves(operation: string): boolean {
    return operation in this.#operations;
  }

  /** @throws AwsError with the error codes of the Step Functions API */
  async handle(operation: string, input: unknown): Promise<unknown> {
    this.#model.check(operation, input);
    return (await this.#operations[operation]?.(input as never)) ?? {};
  }

  /** Returns the records of all executions, newest first. */
  records(): readonly Execution[] {
    return this.#store.list().toSorted((a, b) => b.startDate - a.startDate);
  }

  /** Returns the record of an execution. @throws AwsError ExecutionDoesNotExist */
  record(executionArn: string): Execution {
    return this.#store.get(executionArn);
  }

  /** Publishes the end of the executions that an earlier account left running. The targets of rules must answer by now. */
  async publishInterrupted(): Promise<void> {
    await Promise.all(this.#interrupted.map((execution) => this.#statusEvents.publish(execution)));
  }

  /** Aborts every running execution. Resolves when all of them are recorded. */
  async stop(): Promise<void> {
    const live = [...this.#live.values()];
    for (const { run } of live) {
      run.stop(accountStopped);
    }
    await Promise.allSettled(live.map(({ finished }) => finished));
  }

  async #start(request: StartRequest): Promise<object> {
    const stateMachine = await this.#describeStateMachine(request.stateMachineArn);
    const { name = randomUUID(), input = "{}" } = request;
    checkExecutionName(name);
    const data = parseExecutionInput(input);
    const executionArn = `${request.stateMachineArn.replace(":stateMachine:", ":execution:")}:${name}`;
    const existing = this.#store.find(executionArn);
    if (existing !== undefined) {
      // API reference, StartExecution: idempotent for the same name and input while the execution runs.
      if (existing.status === "RUNNING" && existing.input === input) {
        return { executionArn, startDate: existing.startDate };
      }
      throw new AwsError("ExecutionAlreadyExists", `Execution Already Exists: '${executionArn}'`);
    }
    const { definition = "{}", roleArn = "", name: stateMachineName = "" } = stateMachine;
    const program = compile(runnable(definition), { validate: true });
    const execution: Execution = {
      executionArn,
      stateMachineArn: request.stateMachineArn,
      stateMachineName,
      name,
      startDate: epochSeconds(),
      input,
      roleArn,
      definition,
      status: "RUNNING",
      redriveCount: 0,
      events: [],
    };
    this.#store.add(execution);
    addEvent(execution, "ExecutionStarted", {
      executionStartedEventDetails: { input, inputDetails: { truncated: false }, roleArn },
    });
    await this.#launch(execution, program, data, false);
    return { executionArn, startDate: execution.startDate };
  }

  /**
   * Resumes at the state where the execution ended, with that state's input, the original definition and a fresh
   * TimeoutSeconds. https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
   */
  async #redrive({ executionArn, clientToken }: RedriveRequest): Promise<object> {
    const execution = this.#store.get(executionArn);
    if (isRepeatedRedrive(execution, clientToken)) {
      return { redriveDate: execution.redriveDate };
    }
    const obstacle = redriveObstacle(execution);
    if (obstacle !== undefined) {
      throw new AwsError("ExecutionNotRedrivable", obstacle);
    }
    const { state, input, isTask } = resumePoint(execution);
    const program = compile(runnable(execution.definition, state), { validate: false });
    execution.status = "RUNNING";
    execution.redriveCount += 1;
    execution.redriveDate = epochSeconds();
    execution.redriveToken = clientToken;
    for (const key of ["stopDate", "error", "cause"] as const) {
      delete execution[key];
    }
    addEvent(execution, "ExecutionRedriven", {
      executionRedrivenEventDetails: { redriveCount: execution.redriveCount },
    });
    await this.#launch(execution, program, JSON.parse(input), isTask);
    return { redriveDate: execution.redriveDate };
  }

  async #launch(execution: Execution, program: Program, input: Json, resumesTask: boolean): Promise<void> {
    const save = () => this.#store.save(execution);
    const { region } = this.#context;
    const run = new ExecutionRun({ execution, program, input, resumesTask, tasks: this.#tasks, region, save });
    const finished = run
      .follow()
      .then((outcome) => this.#finish(execution, outcome))
      .catch((error: unknown) =>
        this.#context.log(`stepfunctions: the end of ${execution.name} was not saved: ${errorText(error)}`),
      );
    this.#live.set(execution.executionArn, { run, finished });
    save();
    await this.#statusEvents.publish(execution);
  }

  async #finish(execution: Execution, outcome: Outcome): Promise<void> {
    this.#live.delete(execution.executionArn);
    endExecution(execution, outcome);
    try {
      this.#store.save(execution);
    } finally {
      await this.#statusEvents.publish(execution);
    }
  }

  async #stop({ executionArn, error, cause }: StopRequest): Promise<object> {
    const execution = this.#store.get(executionArn);
    const live = this.#live.get(executionArn);
    live?.run.stop({ status: "ABORTED", error, cause });
    await live?.finished;
    return { stopDate: execution.stopDate };
  }

  async #list({ stateMachineArn, statusFilter, nextToken, maxResults }: ListRequest): Promise<object> {
    if (stateMachineArn === undefined) {
      throw new AwsError("ValidationException", "Must provide a StateMachineArn to ListExecutions.");
    }
    await this.#describeStateMachine(stateMachineArn);
    const executions = this.records()
      .filter((execution) => execution.stateMachineArn === stateMachineArn)
      .filter((execution) => statusFilter === undefined || execution.status === statusFilter)
      .map(summarizeExecution);
    const { items, next } = page(executions, nextToken, maxResults || 100);
    return { executions: items, ...(next === undefined ? {} : { nextToken: next }) };
  }

  /** @throws AwsError StateMachineDoesNotExist, InvalidArn */
  async #describeStateMachine(stateMachineArn: string): Promise<DescribeStateMachineCommandOutput> {
    try {
      return await this.#stateMachines.send(new DescribeStateMachineCommand({ stateMachineArn }));
    } catch (error) {
      if (error instanceof Error && (error.name === "StateMachineDoesNotExist" || error.name === "InvalidArn")) {
        throw new AwsError(error.name, error.message);
      }
      throw error;
    }
  }
}

interface ExecutionRequest {
  readonly executionArn: string;
}

interface StartRequest {
  readonly stateMachineArn: string;
  readonly name?: string;
  readonly input?: string;
}

interface StopRequest extends ExecutionRequest {
  readonly error?: string;
  readonly cause?: string;
}

interface RedriveRequest extends ExecutionRequest {
  readonly clientToken?: string;
}

interface ListRequest {
  readonly stateMachineArn?: string;
  readonly statusFilter?: string;
  readonly maxResults?: number;
  readonly nextToken?: string;
}

/** Answers DescribeExecution. */
export function describeExecution(execution: Execution) {
  const { events: _, definition: __, roleArn: ___, stateMachineName: ____, redriveToken: _____, ...rest } = execution;
  return {
    ...rest,
    inputDetails: { included: true },
    ...(execution.output === undefined ? {} : { outputDetails: { included: true } }),
    ...redriveStatus(execution),
  };
}

/** Returns the ExecutionListItem structure of ListExecutions. */
export function summarizeExecution(execution: Execution) {
  const { executionArn, stateMachineArn, name, status, startDate, stopDate, redriveCount, redriveDate } = execution;
  return { executionArn, stateMachineArn, name, status, startDate, stopDate, redriveCount, redriveDate };
}
