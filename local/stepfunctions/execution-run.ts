import { setImmediate } from "node:timers/promises";
import { errorText, type JsonObject } from "../support/aws-error.ts";
import { checkDataLimit, DataLimitExceeded, exceedsDataLimit } from "./data-limit.ts";
import { addEvent, addTaskEvent, isFunctionArn } from "./execution-history.ts";
import { failureOutcome, type Outcome } from "./execution-outcome.ts";
import type { Execution } from "./execution-record.ts";
import type { InterpreterEvent, InterpreterRun, Json, Program, TaskState } from "./interpreter.ts";
import { executionContext, withoutStateInput } from "./runnable.ts";
import { TaskError, type TaskIntegrations } from "./task-integrations.ts";

interface RunOptions {
  readonly execution: Execution;
  readonly program: Program;
  readonly input: Json;
  /** True for a redrive that resumes at a Task: AWS enters every other state again, but only schedules a Task again. */
  readonly resumesTask: boolean;
  readonly tasks: TaskIntegrations;
  readonly region: string;
  /** Writes the execution's record. */
  readonly save: () => void;
}

/** Interprets an execution from its start, or from a redrive, to its end and writes its history. */
export class ExecutionRun {
  readonly #options: RunOptions;
  readonly #run: InterpreterRun;
  readonly #runningTasks = new Map<string, AbortController>();
  /** Replaces the interpreter's outcome when the execution was stopped or exceeded a limit. */
  #forcedOutcome: Outcome | undefined;
  #skipsNextEntry: boolean;
  #isOver = false;

  /** Starts the interpreter; `follow` must be called next. */
  constructor(options: RunOptions) {
    const { execution, program, input } = options;
    this.#options = options;
    this.#skipsNextEntry = options.resumesTask;
    const handlers = program.taskStates.map((task) => {
      const handler = (parameters: unknown) => this.#runTask(task, withoutStateInput(parameters));
      return [task.name, handler as (input: Json) => Promise<Json>] as const;
    });
    this.#run = program.machine.run(input, {
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
    this.#run.result.catch(() => undefined); // `follow` reads it after the events
  }

  /** Records the events of the run as they happen. Resolves with the outcome at its end. */
  async follow(): Promise<Outcome> {
    for await (const event of this.#run.eventLogs) {
      this.#recordEvent(event);
    }
    let outcome: Outcome;
    try {
      outcome = { status: "SUCCEEDED", output: JSON.stringify(await this.#run.result) };
    } catch (error) {
      outcome = failureOutcome(error);
    }
    for (const task of this.#runningTasks.values()) {
      task.abort();
    }
    this.#isOver = true;
    return this.#forcedOutcome ?? outcome;
  }

  /** Ends the run with an outcome. The outcome of the first call counts. */
  stop(outcome: Outcome): void {
    this.#forcedOutcome ??= outcome;
    this.#run.abort();
  }

  /** Translates an event of the library into AWS's history, and enforces the limits that the library does not know. */
  #recordEvent(event: InterpreterEvent): void {
    const { execution } = this.#options;
    if (event.type === "StateEntered" && this.#skipsNextEntry) {
      this.#skipsNextEntry = false;
    } else if (event.type === "StateEntered") {
      const input = JSON.stringify(event.state.input);
      addEvent(execution, `${event.state.type}StateEntered`, {
        stateEnteredEventDetails: { name: event.state.name, input, inputDetails: { truncated: false } },
      });
    } else if (event.type === "StateExited") {
      this.#recordExit(event.state.name, event.state.type, JSON.stringify(event.state.output));
    } else if (event.type === "StateFailed" && event.state.type === "Task" && event.Error === "States.Timeout") {
      this.#cancelTimedOutTask(event.state.name);
    }
  }

  #recordExit(name: string, type: string, output: string): void {
    if (exceedsDataLimit(output)) {
      this.stop(failureOutcome(new DataLimitExceeded(name, "output")));
    } else if (type !== "Fail") {
      addEvent(this.#options.execution, `${type}StateExited`, {
        stateExitedEventDetails: { name, output, outputDetails: { truncated: false } },
      });
    }
  }

  /** Cancels a task that has timed out, because the library only stops waiting for it. */
  #cancelTimedOutTask(name: string): void {
    const task = this.#runningTasks.get(name);
    if (task !== undefined) {
      task.abort();
      this.#runningTasks.delete(name);
      const resource = this.#options.program.taskStates.find((state) => state.name === name)?.resource ?? "";
      addTaskEvent(this.#options.execution, resource, "TimedOut", { error: "States.Timeout" });
    }
  }

  async #runTask(task: TaskState, parameters: unknown): Promise<unknown> {
    await setImmediate(); // lets `follow` record the events before this task first
    // The library retries a task even after an abort.
    if (this.#isOver || this.#forcedOutcome !== undefined) {
      throw new TaskError("States.Aborted", "The execution has ended.");
    }
    const cancel = new AbortController();
    this.#runningTasks.set(task.name, cancel);
    try {
      return await this.#callIntegration(task, parameters, cancel.signal);
    } finally {
      if (this.#runningTasks.get(task.name) === cancel) {
        this.#runningTasks.delete(task.name);
      }
    }
  }

  /** Calls the integration and records the Task's events, until the signal aborts. */
  async #callIntegration(
    { name, resource, timeoutSeconds }: TaskState,
    parameters: unknown,
    signal: AbortSignal,
  ): Promise<unknown> {
    const { execution, tasks, save } = this.#options;
    const record = (kind: Parameters<typeof addTaskEvent>[2], details: JsonObject) => {
      if (!signal.aborted) {
        addTaskEvent(execution, resource, kind, details);
      }
    };
    const input = JSON.stringify(parameters);
    record("Scheduled", this.#scheduledDetails(resource, input, timeoutSeconds));
    record("Started", {});
    save();
    try {
      checkDataLimit(name, "input", input);
      const onSubmitted = (answer: unknown) =>
        record("Submitted", { output: JSON.stringify(answer), outputDetails: { truncated: false } });
      const result = await tasks.run(resource, parameters, { signal, onSubmitted, role: execution.roleArn });
      const output = JSON.stringify(result);
      checkDataLimit(name, "output", output);
      record("Succeeded", { output, outputDetails: { truncated: false } });
      return result;
    } catch (error) {
      const failure = error instanceof TaskError ? error : new TaskError("States.TaskFailed", errorText(error));
      const isSubmission = failure.atSubmission && resource.endsWith(".sync");
      record(isSubmission ? "SubmitFailed" : "Failed", { error: failure.name, cause: failure.message });
      throw failure;
    }
  }

  #scheduledDetails(resource: string, input: string, timeoutInSeconds: number | undefined): JsonObject {
    const call = isFunctionArn(resource)
      ? { resource, input, inputDetails: { truncated: false } }
      : { region: this.#options.region, parameters: input };
    return { ...call, ...(timeoutInSeconds === undefined ? {} : { timeoutInSeconds }) };
  }
}
