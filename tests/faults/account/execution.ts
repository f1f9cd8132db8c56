import { createRequire } from "node:module";
import type { StateMachine } from "aws-local-stepfunctions";
import { exceedsDataLimit } from "../../../local/stepfunctions/data-limit.ts";
import { executionContext, runnable, withoutStateInput } from "../../../local/stepfunctions/runnable.ts";
import type { Stop } from "../scenarios/scenario.ts";
import { cancelWork, runEmrTask, type Task } from "./emr-integrations.ts";
import { never, TaskError } from "./errors.ts";
import type { Caller } from "./records.ts";
import { type Host, load } from "./sandbox.ts";
import type { Simulation } from "./simulation.ts";

type Library = { readonly StateMachine: typeof StateMachine };
type Running = ReturnType<StateMachine["run"]>;
type Status = "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED";

export interface HistoryEvent {
  readonly at: number;
  readonly type: string;
  readonly state?: string;
  readonly error?: string;
  readonly cause?: string;
}

export interface Outcome {
  readonly status: Status;
  readonly error?: string;
  readonly cause?: string;
}

/** The part of an execution from its start, or from a redrive, to its next end. */
export interface Run {
  /** 0 for the start, n for the n-th redrive. */
  readonly number: number;
  readonly startedAt: number;
  /** Number of events in the history before this run. */
  readonly offset: number;
  readonly endedAt: number;
  readonly outcome: Outcome;
}

/** A run with its tasks. The interpreter may go on after the end of a run, without any effect. */
interface RunState extends Run {
  outcome: Outcome;
  endedAt: number;
  readonly tasks: Map<string, Task>;
  abort: () => void;
}

const second = 1000;
/** Few images need no core nodes, so the input asks for some: managed scaling needs them. */
const defaultInput = { mode: "full", formats: ["csv"], pca: { components: 2 }, cluster: { coreCount: 2 } };

/** Neither retried nor caught by States.ALL. Step Functions guide, "Handling errors in workflows". */
class UncatchableError extends TaskError {
  readonly isRetryable = false;
  readonly isCatchable = false;
}
const uncatchable = ["States.DataLimitExceeded", "States.Runtime"];

let currentHost: Host | undefined;
/** The interpreter, loaded into a sandbox so that it uses the virtual clock. */
const library = load<Library>(
  createRequire(import.meta.url).resolve("aws-local-stepfunctions"),
  () => {
    if (currentHost === undefined) throw new Error("The interpreter was used before any execution started.");
    return currentHost;
  },
  {},
);

/** An execution of the deployed definition. A library interprets it; Lambda and EMR are simulated. */
export class Execution {
  readonly name: string;
  readonly arn: string;
  readonly history: HistoryEvent[] = [];
  readonly startedAt: number;
  readonly input: unknown;
  /** Size of the largest output of a state so far. */
  mostBytes = 0;
  readonly #simulation: Simulation;
  readonly #stops: readonly Stop[];
  readonly #runs: RunState[] = [];
  /** The last state entered, and its input: a redrive continues there. */
  #lastEntered: { readonly state?: string; readonly input: unknown };

  constructor(simulation: Simulation, name: string, stops: readonly Stop[], moreInput: object = {}) {
    const { clock, scenario } = simulation;
    this.#simulation = simulation;
    this.#stops = stops;
    this.name = name;
    this.arn = simulation.executionArn(name);
    this.startedAt = clock.now;
    const { overlap, input = { ...defaultInput, ...(overlap && { overlap }), ...moreInput } } = scenario;
    this.input = input;
    this.#lastEntered = { input: this.input };
    this.#startRun();
  }

  get runs(): readonly Run[] {
    return this.#runs;
  }

  get status(): Status {
    return this.outcome.status;
  }

  get outcome(): Outcome {
    return this.#lastRun.outcome;
  }

  get endedAt(): number {
    return this.#lastRun.endedAt;
  }

  /** Continues at the state in which it ended. Step Functions guide, "Restarting state machine executions with redrive". */
  redrive(): void {
    this.#record({ type: "ExecutionRedriven" });
    this.#startRun();
  }

  /** Ends the execution at once, whichever state it is in. */
  stop(outcome: Outcome): void {
    if (this.status !== "RUNNING") return;
    this.#end(outcome);
    this.#lastRun.abort();
  }

  /** Returns DescribeExecution's answer. */
  describe(): object {
    const { status, error, cause } = this.outcome;
    return {
      executionArn: this.arn,
      name: this.name,
      status,
      error,
      cause,
      startDate: this.startedAt / second,
      input: JSON.stringify(this.input),
      ...(this.#runs.length > 1 && { redriveDate: this.#lastRun.startedAt / second }),
      ...(status !== "RUNNING" && { stopDate: this.endedAt / second }),
    };
  }

  /** Returns GetExecutionHistory's answer: the states that were entered and left. */
  describeHistory(): object {
    const { States: states } = this.#simulation.deployed.definition;
    const events = this.history.flatMap(({ at, type, state = "" }, index) => {
      const member = { StateEntered: "stateEnteredEventDetails", StateExited: "stateExitedEventDetails" }[type];
      if (member === undefined) return [];
      return {
        id: index + 1,
        timestamp: at / second,
        type: `${states[state]?.Type}${type}`,
        [member]: { name: state },
      };
    });
    return { events };
  }

  /** Returns the status event. Step Functions guide, "Automating event delivery with EventBridge". */
  statusChange(): unknown {
    const { status, error = null, cause = null } = this.outcome;
    return {
      source: "aws.states",
      "detail-type": "Step Functions Execution Status Change",
      detail: {
        executionArn: this.arn,
        stateMachineArn: this.#simulation.deployed.stateMachineArn,
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

  get #lastRun(): RunState {
    const last = this.#runs.at(-1);
    if (last === undefined) throw new Error(`The execution ${this.name} has not started.`);
    return last;
  }

  #startRun(): void {
    const { clock, host } = this.#simulation;
    const run: RunState = {
      number: this.#runs.length,
      startedAt: clock.now,
      offset: this.history.length,
      endedAt: Number.POSITIVE_INFINITY,
      outcome: { status: "RUNNING" },
      tasks: new Map(),
      abort: () => undefined,
    };
    this.#runs.push(run);
    currentHost = host;
    const running = this.#interpret(run);
    run.abort = running.abort;
    // #follow handles the rejection after it has read all events.
    running.result.catch(() => undefined);
    this.#follow(run, running);
  }

  #interpret(run: RunState): Running {
    const { state: startAt, input } = this.#lastEntered;
    const definition = runnable(JSON.stringify(this.#simulation.deployed.definition), startAt);
    const tasks = Object.entries(definition.States).flatMap(([name, state]) => {
      return state.Type === "Task" ? [[name, state] as const] : [];
    });
    // Without TimeoutSeconds, the library's default is a minute, and Step Functions' 99,999,999 seconds.
    for (const [, state] of tasks) if (state.TimeoutSecondsPath === undefined) state.TimeoutSeconds ??= 99_999_999;
    const handlers = tasks.map(([name, { Resource: resource }]) => [
      name,
      (parameters: unknown) => this.#runTask(run, name, resource, withoutStateInput(parameters)),
    ]);
    const machine = new library.StateMachine(definition, { validationOptions: { noValidate: true } });
    return machine.run(input as Parameters<StateMachine["run"]>[0], {
      overrides: { taskResourceLocalHandlers: Object.fromEntries(handlers) },
      context: { Execution: { Id: this.arn, Name: this.name, ...executionContext(new Date(this.startedAt)) } },
    });
  }

  /** Turns the interpreter's events into the history, until the run has ended. */
  async #follow(run: RunState, running: Running): Promise<void> {
    // A redrive schedules a Task again without a StateEntered event.
    let isRescheduled = this.#simulation.deployed.definition.States[this.#lastEntered.state ?? ""]?.Type === "Task";
    for await (const event of running.eventLogs) {
      const state = "state" in event ? event.state.name : "";
      if (event.type === "StateEntered") {
        this.#lastEntered = { state, input: structuredClone(event.state.input) };
        if (!isRescheduled) this.#record({ type: "StateEntered", state });
        isRescheduled = false;
      } else if (event.type === "StateExited") this.#leaveState(state, event.state.output);
      else if (event.type === "StateFailed" && event.state.type === "Task" && event.Error === "States.Timeout") {
        this.#record({ type: "TaskTimedOut", state });
        this.#giveUp(run, state);
      }
    }
    const failure = await running.result.then(
      () => undefined,
      (error: Error) => (error.name === "ExecutionError" ? (error.cause as Error) : error),
    );
    if (run.outcome.status === "RUNNING") this.#end(outcomeOf(failure));
    for (const state of run.tasks.keys()) this.#giveUp(run, state);
    this.#record({ type: `Execution${this.status}`, ...this.outcome });
    this.#simulation.executionEnded(this);
  }

  #end(outcome: Outcome): void {
    const run = this.#lastRun;
    run.outcome = outcome;
    run.endedAt = this.#simulation.clock.now;
  }

  #leaveState(state: string, output: unknown): void {
    const data = JSON.stringify(output);
    this.mostBytes = Math.max(this.mostBytes, Buffer.byteLength(data));
    if (exceedsDataLimit(data)) this.stop({ status: "FAILED", error: "States.DataLimitExceeded", cause: state });
    else this.#record({ type: "StateExited", state });
  }

  #record(event: Omit<HistoryEvent, "at">): void {
    const { clock } = this.#simulation;
    this.history.push({ at: clock.now, ...event });
    void this.#simulation.recorded(this);
    for (const { event: number, afterMs, status } of this.#stops) {
      if (number !== this.history.length) continue;
      const error = status === "TIMED_OUT" ? { error: "States.Timeout" } : {};
      clock.setTimeout(() => this.stop({ status, ...error }), afterMs);
    }
  }

  /** Cancels a task for which the execution no longer waits. */
  #giveUp({ tasks }: RunState, state: string): void {
    const task = tasks.get(state);
    tasks.delete(state);
    if (task === undefined || task.isOver) return;
    task.isOver = true;
    cancelWork(task);
  }

  async #runTask(run: RunState, state: string, resource: string, parameters: unknown): Promise<never> {
    const caller: Caller = { execution: this.name, run: run.number, state };
    const task: Task = {
      caller,
      isOver: false,
      submitted: () => {
        if (!task.isOver) this.#record({ type: "TaskSubmitted", state });
      },
    };
    run.tasks.set(state, task);
    await this.#simulation.clock.sleep(10);
    // The library retries and continues even in an execution that has ended. Step Functions does not.
    if (task.isOver || run.outcome.status !== "RUNNING") return never;
    this.#record({ type: "TaskScheduled", state });
    try {
      if (exceedsDataLimit(JSON.stringify(parameters))) throw new TaskError("States.DataLimitExceeded", state);
      const output = resource.startsWith("arn:aws:lambda:")
        ? await this.#simulation.lambda.invoke(caller, resource, parameters)
        : await runEmrTask(this.#simulation, task, resource, parameters);
      if (task.isOver) return never;
      this.#record({ type: "TaskSucceeded", state });
      return output as never;
    } catch (error) {
      if (task.isOver) return never;
      if (!(error instanceof TaskError)) throw error;
      const { name, message } = error;
      this.#record({ type: "TaskFailed", state, error: name, cause: message });
      throw uncatchable.includes(name) ? new UncatchableError(name, message) : error;
    } finally {
      // A retry of the state may have replaced the task.
      if (run.tasks.get(state) === task) run.tasks.delete(state);
    }
  }
}

function outcomeOf(failure: Error | undefined): Outcome {
  if (failure === undefined) return { status: "SUCCEEDED" };
  if (failure.name === "ExecutionTimeoutError") return { status: "TIMED_OUT", error: "States.Timeout" };
  return { status: "FAILED", error: failure.name, cause: failure.message };
}
