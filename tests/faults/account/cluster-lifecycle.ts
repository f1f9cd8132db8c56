import type { Reason, Status } from "../../../local/emr/cluster-record.ts";
import type { Clock } from "./clock.ts";
import { type Cluster, isActive, isEnding, type Step, transition } from "./cluster.ts";

const second = 1000;
const minute = 60 * second;

/** How a cluster starts, how its steps end and how long it terminates. Scenarios replace parts of it. */
export interface ClusterBehavior {
  readonly start: (cluster: Cluster) => "READY" | "BOOTSTRAP_FAILURE" | "INSTANCE_FAILURE" | "USER_REQUEST" | "HANGS";
  readonly step: (
    cluster: Cluster,
    step: Step,
  ) => "COMPLETED" | "FAILED" | "CANCELLED" | "INTERRUPTED" | "INSTANCE_FAILURE" | "USER_REQUEST" | "HANGS";
  /** Minutes from TERMINATING to TERMINATED. */
  readonly shutdownMinutes: (cluster: Cluster) => number;
  /** Writes the results of a step, before the step becomes COMPLETED. */
  readonly writeResults: (step: Step) => void;
}

export const healthyBehavior: ClusterBehavior = {
  start: () => "READY",
  step: () => "COMPLETED",
  shutdownMinutes: () => 2,
  writeResults: () => undefined,
};

/** Whether the same step has succeeded before: the job then ends as soon as its containers have started. */
function hasResults({ steps }: Cluster, { Config: config }: Step): boolean {
  return steps.some(
    (other) => other.Status.State === "COMPLETED" && JSON.stringify(other.Config) === JSON.stringify(config),
  );
}

/** Moves clusters and their steps from state to state in virtual time. */
export class ClusterLifecycle {
  readonly #clock: Clock;
  readonly #behavior: ClusterBehavior;

  constructor(clock: Clock, behavior: ClusterBehavior) {
    this.#clock = clock;
    this.#behavior = behavior;
  }

  start(cluster: Cluster): void {
    const result = this.#behavior.start(cluster);
    if (result === "HANGS") return;
    this.#clock.setTimeout(() => this.#transition(cluster.Status, "BOOTSTRAPPING"), 2 * minute);
    this.#clock.setTimeout(() => {
      if (result === "BOOTSTRAP_FAILURE") {
        const Message =
          "On the master instance (i-0123456789abcdef0), bootstrap action 1 returned a non-zero return code";
        this.#terminate(cluster, { Code: result, Message });
      } else if (result === "INSTANCE_FAILURE") {
        const Message = "We currently do not have sufficient m5.xlarge capacity in the Availability Zone you requested";
        this.#terminate(cluster, { Code: result, Message });
      } else if (result === "USER_REQUEST") this.terminateByUser(cluster);
      else this.#ready(cluster);
    }, 4 * minute);
  }

  /** Runs the next step shortly after a step was added or cancelled. */
  scheduleNextStep(cluster: Cluster): void {
    this.#clock.setTimeout(() => this.#runNextStep(cluster), second);
  }

  cancelStep(cluster: Cluster, step: Step): void {
    this.#transition(step.Status, "CANCELLED", { Message: "Cancelled by user" });
    this.scheduleNextStep(cluster);
  }

  terminateByUser(cluster: Cluster): void {
    this.#terminate(cluster, { Code: "USER_REQUEST", Message: "Terminated by user request" });
  }

  /** Starts the idle time-out. It also ends protected clusters. Management guide, "Using an auto-termination policy". */
  watchIdleness(cluster: Cluster, sinceMs: number): void {
    const seconds = cluster.idleTimeoutSeconds;
    cluster.idleSinceMs = sinceMs;
    if (seconds === undefined) return;
    const end = () => {
      const isStillIdle = cluster.idleSinceMs === sinceMs && cluster.Status.State === "WAITING";
      if (!isStillIdle || cluster.idleTimeoutSeconds !== seconds) return;
      this.#terminate(cluster, { Code: "USER_REQUEST", Message: `The cluster was idle for ${seconds} seconds` });
    };
    this.#clock.setTimeout(end, Math.max(0, sinceMs + seconds * second - this.#clock.now));
  }

  #ready(cluster: Cluster): void {
    if (cluster.Status.State !== "STARTING" && cluster.Status.State !== "BOOTSTRAPPING") return;
    cluster.Status.Timeline.ReadyDateTime = this.#clock.now / second;
    this.#runNextStep(cluster);
  }

  /** Runs one step at a time. Without a pending step, the cluster waits, or ends if it was created to do so. */
  #runNextStep(cluster: Cluster): void {
    if (isEnding(cluster)) return;
    if (cluster.steps.some(({ Status: status }) => status.State === "RUNNING")) return;
    const step = cluster.steps.find(({ Status: status }) => status.State === "PENDING");
    if (step !== undefined) {
      cluster.idleSinceMs = undefined;
      this.#transition(cluster.Status, "RUNNING", { Message: "Running step" });
      this.#transition(step.Status, "RUNNING");
      const result = this.#behavior.step(cluster, step);
      const duration = hasResults(cluster, step) ? 20 * second : 3 * minute;
      if (result !== "HANGS") this.#clock.setTimeout(() => this.#finishStep(cluster, step, result), duration);
    } else if (cluster.request.Instances.KeepJobFlowAliveWhenNoSteps !== true) {
      this.#terminate(cluster, { Code: "ALL_STEPS_COMPLETED", Message: "Steps completed" });
    } else {
      this.#transition(cluster.Status, "WAITING", { Message: "Cluster ready after last step completed." });
      this.watchIdleness(cluster, this.#clock.now);
    }
  }

  #finishStep(cluster: Cluster, step: Step, result: ReturnType<ClusterBehavior["step"]>): void {
    if (step.Status.State !== "RUNNING") return;
    switch (result) {
      case "INSTANCE_FAILURE":
        this.#terminate(cluster, { Code: result, Message: "The master node was terminated" });
        return;
      case "USER_REQUEST":
        this.terminateByUser(cluster);
        return;
      case "COMPLETED":
        this.#behavior.writeResults(step);
        this.#transition(step.Status, result);
        break;
      case "FAILED":
        step.Status.FailureDetails = { Reason: "Unknown Error.", Message: "ValueError: no rows" };
        this.#transition(step.Status, result);
        break;
      case "CANCELLED":
      case "INTERRUPTED":
        this.#transition(step.Status, result, result === "CANCELLED" ? { Message: "Cancelled by user" } : {});
        break;
    }
    if (result === "FAILED" && step.ActionOnFailure === "TERMINATE_CLUSTER") {
      this.#terminate(cluster, { Code: "STEP_FAILURE", Message: "Shut down as step failed" });
    } else this.#runNextStep(cluster);
  }

  #terminate(cluster: Cluster, reason: Reason): void {
    if (isEnding(cluster)) return;
    this.#transition(cluster.Status, "TERMINATING", reason);
    cluster.endingSince = this.#clock.now;
    for (const step of cluster.steps.filter(isActive)) {
      this.#transition(step.Status, "CANCELLED", { Message: "Job terminated" });
    }
    const withErrors = ["BOOTSTRAP_FAILURE", "INSTANCE_FAILURE", "STEP_FAILURE"].includes(reason.Code ?? "");
    const end = withErrors ? "TERMINATED_WITH_ERRORS" : "TERMINATED";
    const minutes = this.#behavior.shutdownMinutes(cluster);
    this.#clock.setTimeout(() => this.#transition(cluster.Status, end, reason), minutes * minute);
  }

  #transition(status: Status, state: string, reason: Reason = {}): void {
    transition(status, state, this.#clock.now, reason);
  }
}
