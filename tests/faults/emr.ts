import type { Reason, Status } from "../../local/emr/cluster-record.ts";
import type { ManagedScalingPolicy } from "../../local/emr/instance-rules.ts";
import { collectionType, listInstanceFleets, listInstanceGroups, listInstances } from "../../local/emr/instances.ts";
import {
  checkJobFlow,
  checkScaling,
  type JobFlowRequest,
  type StepRequest,
  type Tag,
} from "../../local/emr/request-rules.ts";
import { AwsError } from "../../local/support/aws-error.ts";
import type { Clock } from "./clock.ts";

const second = 1000;
const minute = 60 * second;

export interface Step {
  readonly Id: string;
  readonly Name: string;
  readonly ActionOnFailure: string;
  readonly Config: { readonly Jar: string; readonly Args: readonly string[] };
  readonly Status: Status;
}

export interface Cluster {
  readonly Id: string;
  readonly Name: string;
  readonly Status: Status;
  Tags: readonly Tag[];
  TerminationProtected: boolean;
  readonly request: JobFlowRequest;
  readonly steps: Step[];
  idleSince: number | undefined;
  managedScaling: ManagedScalingPolicy | undefined;
  idleSeconds: number | undefined;
  /** When it began to go, in ms. */
  endingSince: number | undefined;
}

/** How a cluster comes up, how a step ends and how a cluster goes: what the scenarios change. */
export interface Behaviour {
  readonly start: (cluster: Cluster) => "READY" | "BOOTSTRAP_FAILURE" | "INSTANCE_FAILURE" | "USER_REQUEST" | "HANGS";
  readonly step: (
    cluster: Cluster,
    step: Step,
  ) => "COMPLETED" | "FAILED" | "CANCELLED" | "INTERRUPTED" | "INSTANCE_FAILURE" | "USER_REQUEST" | "HANGS";
  /** Minutes from TERMINATING to TERMINATED. */
  readonly shutdownMinutes: (cluster: Cluster) => number;
  /** Called before a step is COMPLETED. */
  readonly run: (step: Step) => void;
}

export const healthy: Behaviour = {
  start: () => "READY",
  step: () => "COMPLETED",
  shutdownMinutes: () => 2,
  run: () => undefined,
};

const terminal = ["TERMINATED", "TERMINATED_WITH_ERRORS"];
const activeStep = ["PENDING", "RUNNING", "CANCEL_PENDING"];

/** EMR's control plane and the life of its clusters in virtual time. */
export class Emr {
  readonly clusters = new Map<string, Cluster>();
  readonly #clock: Clock;
  readonly #behaviour: Behaviour;
  #ids = 0;

  constructor(clock: Clock, behaviour: Behaviour = healthy) {
    this.#clock = clock;
    this.#behaviour = behaviour;
  }

  static isGone(cluster: Cluster): boolean {
    return terminal.includes(cluster.Status.State);
  }

  /** Answers one request. @throws AwsError */
  // biome-ignore lint/suspicious/noExplicitAny: the operations' inputs differ, and each names what it reads
  handle(operation: string, input: any): unknown {
    switch (operation) {
      case "RunJobFlow":
        return this.#runJobFlow(input);
      case "DescribeCluster":
        return { Cluster: describe(this.#cluster(input.ClusterId)) };
      case "ListClusters":
        return this.#list(input);
      case "AddJobFlowSteps":
        return this.#addSteps(input.JobFlowId, input.Steps);
      case "DescribeStep":
        return { Step: this.#step(input.ClusterId, input.StepId) };
      case "ListSteps":
        return { Steps: this.#cluster(input.ClusterId).steps.toReversed() };
      case "CancelSteps":
        return { CancelStepsInfoList: input.StepIds.map((id: string) => this.#cancel(input.ClusterId, id)) };
      case "SetTerminationProtection":
        for (const id of input.JobFlowIds) this.#modifiable(id).TerminationProtected = input.TerminationProtected;
        return {};
      case "TerminateJobFlows":
        return this.#terminateAll(input.JobFlowIds);
      case "AddTags": {
        const cluster = this.#cluster(input.ResourceId);
        const kept = cluster.Tags.filter(({ Key }) => !input.Tags.some((tag: Tag) => tag.Key === Key));
        cluster.Tags = [...kept, ...input.Tags];
        return {};
      }
      case "PutManagedScalingPolicy": {
        const cluster = this.#modifiable(input.ClusterId);
        checkScaling(input.ManagedScalingPolicy, cluster.request.Instances);
        cluster.managedScaling = input.ManagedScalingPolicy;
        return {};
      }
      case "GetManagedScalingPolicy": {
        const { managedScaling: policy } = this.#cluster(input.ClusterId);
        return policy === undefined ? {} : { ManagedScalingPolicy: policy };
      }
      case "RemoveManagedScalingPolicy":
        this.#modifiable(input.ClusterId).managedScaling = undefined;
        return {};
      case "ListInstanceGroups":
        return listInstanceGroups(this.#cluster(input.ClusterId));
      case "ListInstanceFleets":
        return listInstanceFleets(this.#cluster(input.ClusterId));
      case "ListInstances":
        return { Instances: listInstances(this.#cluster(input.ClusterId), input) };
      case "PutAutoTerminationPolicy": {
        const cluster = this.#modifiable(input.ClusterId);
        cluster.idleSeconds = input.AutoTerminationPolicy.IdleTimeout;
        // The time that it has been idle counts: the strictest reading of what EMR may do.
        if (cluster.idleSince !== undefined) this.#idle(cluster, cluster.idleSince);
        return {};
      }
      default:
        throw new AwsError("UnknownOperationException", operation);
    }
  }

  #runJobFlow(request: JobFlowRequest): object {
    checkJobFlow(request);
    this.#ids += 1;
    const cluster: Cluster = {
      Id: `j-${String(this.#ids).padStart(13, "A")}`,
      Name: request.Name,
      Status: this.#newStatus("STARTING"),
      Tags: (request.Tags ?? []) as readonly Tag[],
      TerminationProtected: request.Instances.TerminationProtected ?? false,
      request,
      steps: [],
      idleSince: undefined,
      managedScaling: request.ManagedScalingPolicy,
      idleSeconds: request.AutoTerminationPolicy?.IdleTimeout,
      endingSince: undefined,
    };
    this.clusters.set(cluster.Id, cluster);
    if (request.Steps) this.#push(cluster, request.Steps);
    const how = this.#behaviour.start(cluster);
    if (how === "HANGS") return { JobFlowId: cluster.Id };
    this.#clock.setTimeout(() => this.#transition(cluster.Status, "BOOTSTRAPPING"), 2 * minute);
    this.#clock.setTimeout(() => {
      if (how === "BOOTSTRAP_FAILURE") {
        const where =
          "On the master instance (i-0123456789abcdef0), bootstrap action 1 returned a non-zero return code";
        this.terminate(cluster, { Code: how, Message: where });
      } else if (how === "INSTANCE_FAILURE") {
        const Message = "We currently do not have sufficient m5.xlarge capacity in the Availability Zone you requested";
        this.terminate(cluster, { Code: how, Message });
      } else if (how === "USER_REQUEST") this.#byUser(cluster);
      else this.#ready(cluster);
    }, 4 * minute);
    return {
      JobFlowId: cluster.Id,
      ClusterArn: `arn:aws:elasticmapreduce:eu-west-1:000000000000:cluster/${cluster.Id}`,
    };
  }

  #ready(cluster: Cluster): void {
    if (cluster.Status.State !== "STARTING" && cluster.Status.State !== "BOOTSTRAPPING") return;
    cluster.Status.Timeline.ReadyDateTime = this.#clock.now / second;
    this.#work(cluster);
  }

  /** One step at a time; then the cluster is idle, and after its policy's time it ends. */
  #work(cluster: Cluster): void {
    if (cluster.Status.State === "TERMINATING" || Emr.isGone(cluster)) return;
    if (cluster.steps.some(({ Status: status }) => status.State === "RUNNING")) return;
    const step = cluster.steps.find(({ Status: status }) => status.State === "PENDING");
    if (step !== undefined) {
      cluster.idleSince = undefined;
      this.#transition(cluster.Status, "RUNNING", { Message: "Running step" });
      this.#transition(step.Status, "RUNNING");
      const how = this.#behaviour.step(cluster, step);
      if (how !== "HANGS") this.#clock.setTimeout(() => this.#finish(cluster, step, how), 3 * minute);
    } else if (cluster.request.Instances.KeepJobFlowAliveWhenNoSteps !== true) {
      this.terminate(cluster, { Code: "ALL_STEPS_COMPLETED", Message: "Steps completed" });
    } else {
      this.#transition(cluster.Status, "WAITING", { Message: "Cluster ready after last step completed." });
      this.#idle(cluster, this.#clock.now);
    }
  }

  #idle(cluster: Cluster, since: number): void {
    const seconds = cluster.idleSeconds;
    cluster.idleSince = since;
    if (seconds === undefined) return;
    this.#clock.setTimeout(
      () => {
        // The idle time ends a cluster that is protected, too. Management guide, "Using an auto-termination policy".
        const isTimeOut = cluster.idleSince === since && cluster.idleSeconds === seconds;
        if (isTimeOut && cluster.Status.State === "WAITING") {
          const Message = `The cluster was idle for ${seconds} seconds`;
          this.terminate(cluster, { Code: "USER_REQUEST", Message });
        }
      },
      Math.max(0, since + seconds * second - this.#clock.now),
    );
  }

  #finish(cluster: Cluster, step: Step, how: ReturnType<Behaviour["step"]>): void {
    if (step.Status.State !== "RUNNING") return;
    switch (how) {
      case "INSTANCE_FAILURE":
        this.terminate(cluster, { Code: how, Message: "The master node was terminated" });
        return;
      case "USER_REQUEST":
        this.#byUser(cluster);
        return;
      case "COMPLETED":
        this.#behaviour.run(step);
        this.#transition(step.Status, how);
        break;
      case "FAILED":
        step.Status.FailureDetails = { Reason: "Unknown Error.", Message: "ValueError: no rows" };
        this.#transition(step.Status, how);
        break;
      case "CANCELLED":
      case "INTERRUPTED":
        this.#transition(step.Status, how, how === "CANCELLED" ? { Message: "Cancelled by user" } : {});
        break;
    }
    if (how === "FAILED" && step.ActionOnFailure === "TERMINATE_CLUSTER") {
      this.terminate(cluster, { Code: "STEP_FAILURE", Message: "Shut down as step failed" });
    } else this.#work(cluster);
  }

  #byUser(cluster: Cluster): void {
    this.terminate(cluster, { Code: "USER_REQUEST", Message: "Terminated by user request" });
  }

  /** What ends a cluster, whoever asked. */
  terminate(cluster: Cluster, reason: Reason): void {
    if (cluster.Status.State === "TERMINATING" || Emr.isGone(cluster)) return;
    this.#transition(cluster.Status, "TERMINATING", reason);
    cluster.endingSince = this.#clock.now;
    for (const step of cluster.steps.filter(({ Status: status }) => activeStep.includes(status.State))) {
      this.#transition(step.Status, "CANCELLED", { Message: "Job terminated" });
    }
    const withErrors = ["BOOTSTRAP_FAILURE", "INSTANCE_FAILURE", "STEP_FAILURE"].includes(reason.Code ?? "");
    const end = withErrors ? "TERMINATED_WITH_ERRORS" : "TERMINATED";
    const minutes = this.#behaviour.shutdownMinutes(cluster);
    this.#clock.setTimeout(() => this.#transition(cluster.Status, end, reason), minutes * minute);
  }

  #terminateAll(ids: readonly string[]): object {
    if (ids.length > 10) throw new AwsError("ValidationException", "Size of jobFlowIds cannot be more than 10.");
    const clusters = ids.map((id) => this.#jobFlow(id));
    for (const cluster of clusters) if (!cluster.TerminationProtected) this.#byUser(cluster);
    if (clusters.some((cluster) => cluster.TerminationProtected && !Emr.isGone(cluster))) {
      const message = "Could not shut down one or more job flows since they are termination protected.";
      throw new AwsError("ValidationException", message);
    }
    return {};
  }

  #addSteps(id: string, requests: readonly StepRequest[]): object {
    const cluster = this.#modifiable(id);
    const steps = this.#push(cluster, requests);
    if (["WAITING", "RUNNING"].includes(cluster.Status.State))
      this.#clock.setTimeout(() => this.#work(cluster), second);
    return { StepIds: steps.map(({ Id }) => Id) };
  }

  #push(cluster: Cluster, requests: readonly StepRequest[]): readonly Step[] {
    const steps = requests.map((request) => {
      this.#ids += 1;
      return {
        Id: `s-${String(this.#ids).padStart(13, "B")}`,
        Name: request.Name,
        ActionOnFailure: request.ActionOnFailure ?? "TERMINATE_CLUSTER",
        Config: { Jar: request.HadoopJarStep.Jar, Args: request.HadoopJarStep.Args ?? [] },
        Status: this.#newStatus("PENDING"),
      };
    });
    cluster.steps.push(...steps);
    cluster.idleSince = undefined;
    return steps;
  }

  #cancel(clusterId: string, stepId: string): object {
    const cluster = this.#cluster(clusterId);
    const step = cluster.steps.find(({ Id }) => Id === stepId);
    if (step === undefined || !activeStep.includes(step.Status.State)) {
      const reason = step === undefined ? "is not valid" : `is ${step.Status.State} and cannot be cancelled`;
      return { StepId: stepId, Status: "FAILED", Reason: `Step ${stepId} ${reason}.` };
    }
    this.#transition(step.Status, "CANCELLED", { Message: "Cancelled by user" });
    this.#clock.setTimeout(() => this.#work(cluster), second);
    return { StepId: stepId, Status: "SUBMITTED" };
  }

  #list(input: { ClusterStates?: readonly string[]; CreatedAfter?: number; Marker?: string }): object {
    const found = [...this.clusters.values()]
      .filter(({ Status: status }) => !input.ClusterStates?.length || input.ClusterStates.includes(status.State))
      .filter(({ Status: status }) => status.Timeline.CreationDateTime >= (input.CreatedAfter ?? 0))
      .reverse();
    // Pages of two: whoever forgets the marker is found out.
    const start = Number(input.Marker ?? 0);
    const Clusters = found.slice(start, start + 2).map(({ Id, Name, Status }) => ({ Id, Name, Status }));
    return { Clusters, ...(start + 2 < found.length ? { Marker: String(start + 2) } : {}) };
  }

  #step(clusterId: string, stepId: string): Step {
    const step = this.#cluster(clusterId).steps.find(({ Id }) => Id === stepId);
    if (step === undefined) throw new AwsError("InvalidRequestException", `Step id '${stepId}' is not valid.`);
    return step;
  }

  #cluster(id: string): Cluster {
    const cluster = this.clusters.get(id);
    if (cluster === undefined) throw new AwsError("InvalidRequestException", `Cluster id '${id}' is not valid.`);
    return cluster;
  }

  #jobFlow(id: string): Cluster {
    const cluster = this.clusters.get(id);
    if (cluster === undefined) throw new AwsError("ValidationException", "Specified job flow ID does not exist.");
    return cluster;
  }

  #modifiable(id: string): Cluster {
    const cluster = this.#jobFlow(id);
    if (cluster.Status.State === "TERMINATING" || Emr.isGone(cluster)) {
      const message = "A job flow that is shutting down, terminated, or finished may not be modified.";
      throw new AwsError("ValidationException", message);
    }
    return cluster;
  }

  #newStatus(state: string): Status {
    return { State: state, StateChangeReason: {}, Timeline: { CreationDateTime: this.#clock.now / second } };
  }

  #transition(status: Status, state: string, reason: Reason = {}): void {
    const ended = [...terminal, "COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED"];
    // The bootstrap's turn comes by the clock: a cluster that is already going down does not turn back.
    if (ended.includes(status.State) || (status.State === "TERMINATING" && !terminal.includes(state))) return;
    status.State = state;
    status.StateChangeReason = reason;
    if (ended.includes(state)) status.Timeline.EndDateTime = this.#clock.now / second;
  }
}

/** DescribeCluster's answer. */
function describe(cluster: Cluster): object {
  return {
    Id: cluster.Id,
    Name: cluster.Name,
    Status: cluster.Status,
    Tags: cluster.Tags,
    TerminationProtected: cluster.TerminationProtected,
    ReleaseLabel: cluster.request.ReleaseLabel,
    InstanceCollectionType: collectionType(cluster),
    LogUri: "s3n://orchard-data/logs/emr/",
  };
}
