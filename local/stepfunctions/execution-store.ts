import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { AwsError } from "../support/aws-error.ts";
import { readJson, writeJson } from "../support/json-file.ts";
import { accountStopped, endExecution } from "./execution-outcome.ts";
import type { Execution } from "./execution-record.ts";

/** The account's executions, each in <folder>/<state machine>/<name>.json. */
export class ExecutionStore {
  readonly #folder: string;
  readonly #log: (line: string) => void;
  readonly #executions = new Map<string, Execution>();

  constructor(folder: string, log: (line: string) => void) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Reads the executions of an earlier account. Aborts those that it left running, saves them and returns them. */
  load(): readonly Execution[] {
    mkdirSync(this.#folder, { recursive: true });
    const files = readdirSync(this.#folder, { recursive: true, encoding: "utf8" });
    for (const file of files.filter((name) => name.endsWith(".json"))) {
      const record = readJson<Execution>(join(this.#folder, file), "executionArn", this.#log);
      if (record !== undefined) this.add({ ...record, redriveCount: record.redriveCount ?? 0 });
    }
    const interrupted = this.list().filter(({ status }) => status === "RUNNING");
    for (const execution of interrupted) {
      endExecution(execution, accountStopped);
      this.save(execution);
    }
    return interrupted;
  }

  list(): readonly Execution[] {
    return [...this.#executions.values()];
  }

  find(executionArn: string): Execution | undefined {
    return this.#executions.get(executionArn);
  }

  /** @throws AwsError ExecutionDoesNotExist */
  get(executionArn: string): Execution {
    const execution = this.find(executionArn);
    if (execution === undefined) {
      throw new AwsError("ExecutionDoesNotExist", `Execution Does Not Exist: '${executionArn}'`);
    }
    return execution;
  }

  add(execution: Execution): void {
    this.#executions.set(execution.executionArn, execution);
  }

  save(execution: Execution): void {
    writeJson(join(this.#folder, execution.stateMachineName, `${execution.name}.json`), execution);
  }
}
