import { collectionType, listInstanceFleets, listInstanceGroups, listInstances } from "../../../local/emr/instances.ts";
import {
  checkJobFlow,
  checkScaling,
  type JobFlowRequest,
  type StepRequest,
  type Tag,
} from "../../../local/emr/request-rules.ts";
import { AwsError } from "../../../local/support/aws-error.ts";
import type { Clock } from "./clock.ts";
import { type Cluster, isActive, isEnding, isGone, newStatus, type Step } from "./cluster.ts";
import { type ClusterBehavior, ClusterLifecycle, healthyBehavior } from "./cluster-lifecycle.ts";

/** Few, so that code which ignores the marker misses clusters. */
const clustersPerPage = 2;

/** EMR's API, for clusters that live in virtual time. */
export class Emr {
  readonly clusters = new Map<string, Cluster>();
  readonly #clock: Clock;
  readonly #lifecycle: ClusterLifecycle;
  #ids = 0;

  constructor(clock: Clock, behavior: ClusterBehavior = healthyBehavior) {
    this.#clock = clock;
    this.#lifecycle = new ClusterLifecycle(clock, behavior);
  }

  /** Answers one request. @throws AwsError */
  // biome-ignore lint/suspicious/noExplicitAny: each operation has its own input
  handle(operation: string, input: any): unknown {
    switch (operation) {
      case "RunJobFlow":
        return this.#runJobFlow(input);
      case "DescribeCluster":
        return { Cluster: describe(this.#cluster(input.ClusterId)) };
      case "ListClusters":
        return this.#listClusters(input);
      case "AddJobFlowSteps":
        return this.#addSteps(input.JobFlowId, input.Steps);
      case "DescribeStep":
        return { Step: this.#step(input.ClusterId, input.StepId) };
      case "ListSteps":
        return { Steps: this.#cluster(input.ClusterId).steps.toReversed() };
      case "CancelSteps":
        return { CancelStepsInfoList: input.StepIds.map((id: string) => this.#cancelStep(input.ClusterId, id)) };
      case "SetTerminationProtection":
        for (const id of input.JobFlowIds) this.#modifiable(id).TerminationProtected = input.TerminationProtected;
        return {};
      case "TerminateJobFlows":
        return this.#terminateJobFlows(input.JobFlowIds);
      case "AddTags":
        return this.#addTags(input.ResourceId, input.Tags);
      case "PutManagedScalingPolicy":
        checkScaling(input.ManagedScalingPolicy, this.#modifiable(input.ClusterId).request.Instances);
        return {};
      case "PutAutoTerminationPolicy":
        return this.#setIdleTimeout(input.ClusterId, input.AutoTerminationPolicy.IdleTimeout);
      case "ListInstanceGroups":
        return listInstanceGroups(this.#cluster(input.ClusterId));
      case "ListInstanceFleets":
        return listInstanceFleets(this.#cluster(input.ClusterId));
      case "ListInstances":
        return { Instances: listInstances(this.#cluster(input.ClusterId), input) };
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
      Status: newStatus("STARTING", this.#clock.now),
      Tags: (request.Tags ?? []) as readonly Tag[],
      TerminationProtected: request.Instances.TerminationProtected ?? false,
      request,
      steps: [],
      idleSinceMs: undefined,
      idleTimeoutSeconds: request.AutoTerminationPolicy?.IdleTimeout,
      endingSince: undefined,
    };
    this.clusters.set(cluster.Id, cluster);
    if (request.Steps) this.#appendSteps(cluster, request.Steps);
    this.#lifecycle.start(cluster);
    return {
      JobFlowId: cluster.Id,
      ClusterArn: `arn:aws:elasticmapreduce:eu-west-1:000000000000:cluster/${cluster.Id}`,
    };
  }

  #terminateJobFlows(ids: readonly string[]): object {
    if (ids.length > 10) throw new AwsError("ValidationException", "Size of jobFlowIds cannot be more than 10.");
    const clusters = ids.map((id) => this.#jobFlow(id));
    for (const cluster of clusters) if (!cluster.TerminationProtected) this.#lifecycle.terminateByUser(cluster);
    if (clusters.some((cluster) => cluster.TerminationProtected && !isGone(cluster))) {
      const message = "Could not shut down one or more job flows since they are termination protected.";
      throw new AwsError("ValidationException", message);
    }
    return {};
  }

  #addSteps(id: string, requests: readonly StepRequest[]): object {
    const cluster = this.#modifiable(id);
    const steps = this.#appendSteps(cluster, requests);
    if (["WAITING", "RUNNING"].includes(cluster.Status.State)) this.#lifecycle.scheduleNextStep(cluster);
    return { StepIds: steps.map(({ Id }) => Id) };
  }

  #appendSteps(cluster: Cluster, requests: readonly StepRequest[]): readonly Step[] {
    const steps = requests.map((request) => {
      this.#ids += 1;
      return {
        Id: `s-${String(this.#ids).padStart(13, "B")}`,
        Name: request.Name,
        ActionOnFailure: request.ActionOnFailure ?? "TERMINATE_CLUSTER",
        Config: { Jar: request.HadoopJarStep.Jar, Args: request.HadoopJarStep.Args ?? [] },
        Status: newStatus("PENDING", this.#clock.now),
      };
    });
    cluster.steps.push(...steps);
    cluster.idleSinceMs = undefined;
    return steps;
  }

  #cancelStep(clusterId: string, stepId: string): object {
    const cluster = this.#cluster(clusterId);
    const step = cluster.steps.find(({ Id }) => Id === stepId);
    if (step === undefined || !isActive(step)) {
      const reason = step === undefined ? "is not valid" : `is ${step.Status.State} and cannot be cancelled`;
      return { StepId: stepId, Status: "FAILED", Reason: `Step ${stepId} ${reason}.` };
    }
    this.#lifecycle.cancelStep(cluster, step);
    return { StepId: stepId, Status: "SUBMITTED" };
  }

  #addTags(id: string, tags: readonly Tag[]): object {
    const cluster = this.#cluster(id);
    const others = cluster.Tags.filter(({ Key }) => !tags.some((tag) => tag.Key === Key));
    cluster.Tags = [...others, ...tags];
    return {};
  }

  #setIdleTimeout(id: string, seconds: number): object {
    const cluster = this.#modifiable(id);
    cluster.idleTimeoutSeconds = seconds;
    // AWS does not say whether the idle time so far counts. Counting it is the case that ends clusters earliest.
    if (cluster.idleSinceMs !== undefined) this.#lifecycle.watchIdleness(cluster, cluster.idleSinceMs);
    return {};
  }

  #listClusters(input: { ClusterStates?: readonly string[]; CreatedAfter?: number; Marker?: string }): object {
    const found = [...this.clusters.values()]
      .filter(({ Status: status }) => !input.ClusterStates?.length || input.ClusterStates.includes(status.State))
      .filter(({ Status: status }) => status.Timeline.CreationDateTime >= (input.CreatedAfter ?? 0))
      .reverse();
    const start = Number(input.Marker ?? 0);
    const end = start + clustersPerPage;
    const Clusters = found.slice(start, end).map(({ Id, Name, Status }) => ({ Id, Name, Status }));
    return { Clusters, ...(end < found.length ? { Marker: String(end) } : {}) };
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
    if (isEnding(cluster)) {
      const message = "A job flow that is shutting down, terminated, or finished may not be modified.";
      throw new AwsError("ValidationException", message);
    }
    return cluster;
  }
}

/** Returns DescribeCluster's answer. */
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
