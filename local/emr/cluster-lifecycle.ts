import { setTimeout as sleep } from "node:timers/promises";
import type { AccountContext } from "../support/account-context.ts";
import { epochSeconds, errorText } from "../support/aws-error.ts";
import type { ClusterEngine } from "./cluster-engine.ts";
import { ClusterLogs } from "./cluster-logs.ts";
import { type Cluster, isActive, type Reason, type Step, transition } from "./cluster-record.ts";
import { createEngine } from "./create-engine.ts";

/** The longest delay of a Node.js timer; a longer one fires at once. */
const maxTimerMs = 2 ** 31 - 1;
/** Reasons for which EMR ends a cluster as TERMINATED_WITH_ERRORS. */
const errorCodes = ["BOOTSTRAP_FAILURE", "INTERNAL_ERROR", "STEP_FAILURE"];

/** Takes one cluster from STARTING to TERMINATED: bootstrap actions, steps one at a time, idle time-out, termination. */
export class ClusterLifecycle {
  readonly #cluster: Cluster;
  readonly #context: AccountContext;
  readonly #logs: ClusterLogs;
  readonly #log: (line: string) => void;
  readonly #save: () => void;
  /** Aborted, with the reason, when the cluster is to end. */
  readonly #termination = new AbortController();
  /** The running step, by its id. */
  readonly #runningSteps = new Map<string, AbortController>();
  #endPause: () => void = () => undefined;

  /** @param save writes the cluster's record */
  constructor(context: AccountContext, cluster: Cluster, save: () => void) {
    this.#cluster = cluster;
    this.#context = context;
    this.#logs = new ClusterLogs(context, cluster.Id, cluster.request.LogUri);
    this.#log = context.log;
    this.#save = save;
  }

  /** Runs the cluster until it has terminated and no process of it is left. */
  async run(): Promise<void> {
    const cluster = this.#cluster;
    let reason: Reason;
    let engine: ClusterEngine | undefined;
    try {
      engine = createEngine(this.#context, cluster, this.#logs);
      await engine.create();
      reason = (await this.#bootstrap(engine)) ?? (await this.#serve(engine));
    } catch (error) {
      this.#log(`emr: ${cluster.Id}: ${errorText(error)}`);
      reason = { Code: "INTERNAL_ERROR", Message: errorText(error) };
    }
    reason = this.#termination.signal.reason ?? reason;
    transition(cluster.Status, "TERMINATING", reason);
    for (const step of cluster.steps.filter(isActive)) {
      transition(step.Status, "CANCELLED", { Message: "Job terminated" });
    }
    try {
      await engine?.remove();
    } finally {
      const state = errorCodes.includes(reason.Code ?? "") ? "TERMINATED_WITH_ERRORS" : "TERMINATED";
      transition(cluster.Status, state, reason);
      this.#save();
    }
  }

  /** Starts the termination; only the first reason counts. */
  terminate(reason: Reason): void {
    if (!this.#termination.signal.aborted) {
      transition(this.#cluster.Status, "TERMINATING", reason);
      this.#termination.abort(reason);
    }
  }

  /** Cancels a running step. Returns false when the step does not run. */
  cancelRunningStep(stepId: string): boolean {
    const running = this.#runningSteps.get(stepId);
    running?.abort();
    return running !== undefined;
  }

  /** Makes a waiting cluster look at its steps and its idle time-out again. */
  wake(): void {
    this.#endPause();
  }

  /** Runs the bootstrap actions. Returns the reason to end the cluster, or undefined when it is ready. */
  async #bootstrap(engine: ClusterEngine): Promise<Reason | undefined> {
    const { signal } = this.#termination;
    const cluster = this.#cluster;
    for (const [index, { ScriptBootstrapAction: action }] of (cluster.request.BootstrapActions ?? []).entries()) {
      if (signal.aborted) {
        break;
      }
      transition(cluster.Status, "BOOTSTRAPPING", {});
      this.#save();
      const number = index + 1;
      let script: Uint8Array;
      try {
        script = await this.#logs.download(action.Path);
      } catch (error) {
        this.#log(`emr: ${cluster.Id}: ${action.Path}: ${errorText(error)}`);
        const message = `Master instance (${engine.nodes[0]?.instanceId}) failed attempting to download bootstrap action ${number} file from S3`;
        return { Code: "BOOTSTRAP_FAILURE", Message: message };
      }
      const run = { number, args: action.Args ?? [] };
      const results = await Promise.all(engine.nodes.map((node) => engine.bootstrap(node, script, run, signal)));
      const failed = results.findIndex(({ exitCode }) => exitCode !== 0);
      if (failed >= 0) {
        const instance = `${failed === 0 ? "the master instance" : "1 slave instance"} (${engine.nodes[failed]?.instanceId})`;
        const message = `On ${instance}, bootstrap action ${number} returned a non-zero return code`;
        return { Code: "BOOTSTRAP_FAILURE", Message: message };
      }
    }
    return signal.aborted ? signal.reason : undefined;
  }

  /** Starts the daemons, and runs the steps one at a time until the cluster is to end. Returns the reason. */
  async #serve(engine: ClusterEngine): Promise<Reason> {
    const cluster = this.#cluster;
    await engine.start(this.#termination.signal);
    cluster.Status.Timeline.ReadyDateTime = epochSeconds();
    let idleSince = Date.now();
    while (!this.#termination.signal.aborted) {
      const step = cluster.steps.find(({ Status: status }) => status.State === "PENDING");
      if (step !== undefined) {
        transition(cluster.Status, "RUNNING", { Message: "Running step" });
        await this.#runStep(engine, step);
        idleSince = Date.now();
        if (step.Status.State === "FAILED" && step.ActionOnFailure === "TERMINATE_CLUSTER") {
          return { Code: "STEP_FAILURE", Message: "Shut down as step failed" };
        }
      } else if (cluster.request.Instances.KeepJobFlowAliveWhenNoSteps ?? false) {
        const reason = await this.#waitIdle(idleSince);
        if (reason !== undefined) {
          return reason;
        }
      } else {
        return { Code: "ALL_STEPS_COMPLETED", Message: "Steps completed" };
      }
    }
    return this.#termination.signal.reason;
  }

  /** Waits until wake(), termination or the end of the idle time. Returns a reason when the idle time is over. */
  async #waitIdle(idleSince: number): Promise<Reason | undefined> {
    const cluster = this.#cluster;
    if (cluster.Status.State !== "WAITING") {
      transition(cluster.Status, "WAITING", { Message: "Cluster ready after last step completed." });
      this.#save();
    }
    const { idleTimeoutSeconds = Infinity } = cluster;
    const restMs = idleSince + idleTimeoutSeconds * 1000 - Date.now();
    if (restMs <= 0) {
      return { Code: "USER_REQUEST", Message: `The cluster was idle for ${idleTimeoutSeconds} seconds` };
    }
    const pause = new AbortController();
    this.#endPause = () => pause.abort();
    const signal = AbortSignal.any([pause.signal, this.#termination.signal]);
    await sleep(Math.min(restMs, maxTimerMs), undefined, { signal }).catch(() => undefined);
    return undefined;
  }

  async #runStep(engine: ClusterEngine, step: Step): Promise<void> {
    const termination = this.#termination.signal;
    const cancel = new AbortController();
    this.#runningSteps.set(step.Id, cancel);
    transition(step.Status, "RUNNING", {});
    step.Status.Timeline.StartDateTime = epochSeconds();
    this.#save();
    const signal = AbortSignal.any([cancel.signal, termination]);
    const { exitCode, outputTail, logFolder } = await engine.step(step.Id, step.Config.Args, signal);
    this.#runningSteps.delete(step.Id);
    if (termination.aborted) {
      transition(step.Status, "CANCELLED", { Message: "Job terminated" });
    } else if (cancel.signal.aborted) {
      transition(step.Status, "CANCELLED", { Message: "Cancelled by user" });
    } else if (exitCode === 0) {
      transition(step.Status, "COMPLETED", {});
    } else {
      const cause = outputTail.split("\n").findLast((line) => /^\S.*(?:Exception|Error|error:)/.test(line));
      step.Status.FailureDetails = {
        Reason: "Unknown Error.",
        ...(cause === undefined ? {} : { Message: cause.slice(0, 1000) }),
        ...(logFolder === undefined ? {} : { LogFile: `${logFolder}stderr.gz` }),
      };
      transition(step.Status, "FAILED", {});
    }
    this.#save();
  }
}
