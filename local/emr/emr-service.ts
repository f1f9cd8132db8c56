import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { AccountContext } from "../support/account-context.ts";
import { AwsError, errorText, page } from "../support/aws-error.ts";
import { ServiceModel } from "../support/service-model.ts";
import { clusterArn, describeCluster, listBootstrapActions, summarizeCluster } from "./cluster-description.ts";
import { nodesFolder } from "./cluster-engine.ts";
import { ClusterLifecycle } from "./cluster-lifecycle.ts";
import { type Cluster, hasEnded, isActive, newCluster, newStep, transition } from "./cluster-record.ts";
import { accountStopped, ClusterStore } from "./cluster-store.ts";
import type { ManagedScalingPolicy } from "./instance-rules.ts";
import { type ListInstancesRequest, listInstanceFleets, listInstanceGroups, listInstances } from "./instances.ts";
import {
  checkIdleTimeout,
  checkJobFlow,
  checkScaling,
  checkSteps,
  checkStepsFit,
  checkTags,
  type JobFlowRequest,
  type StepRequest,
  type Tag,
} from "./request-rules.ts";
import { Throttling } from "./throttling.ts";

/** The page size of EMR's list operations. API reference, ListClusters and ListSteps. */
const pageSize = 50;

type Operation = (input: never) => unknown;

interface LiveCluster {
  readonly lifecycle: ClusterLifecycle;
  /** Resolves when no process of the cluster is left. */
  readonly finished: Promise<void>;
}

/** The EMR API; each cluster is a folder and processes on this machine. */
export class EmrService {
  readonly throttling = new Throttling();
  readonly #context: AccountContext;
  readonly #model: ServiceModel;
  readonly #store: ClusterStore;
  readonly #live = new Map<string, LiveCluster>();
  readonly #operations: Readonly<Record<string, Operation>>;

  constructor(context: AccountContext) {
    this.#context = context;
    this.#model = new ServiceModel(context.tools, "emr");
    this.#store = new ClusterStore(join(context.directory, "emr"), context.log);
    this.#operations = this.#operationTable();
    for (const { Id: id } of this.#store.load()) {
      rm(nodesFolder(join(context.directory, "emr", id)), { recursive: true, force: true, maxRetries: 5 }).catch(
        (error: unknown) => context.log(`emr: ${id}: ${errorText(error)}`),
      );
    }
  }

  /**
   * Answers one request of the EMR API.
   * @throws AwsError ValidationException, InvalidRequestException, UnknownOperationException, ThrottlingException
   */
  handle(operation: string, input: unknown): unknown {
    this.#model.check(operation, input);
    this.throttling.check(operation, input);
    const run = this.#operations[operation];
    if (run === undefined) {
      throw new AwsError(
        "UnknownOperationException",
        `The embedded account does not serve elasticmapreduce:${operation}.`,
      );
    }
    return run(input as never) ?? {};
  }

  /** Returns the records of all clusters. */
  records(): readonly Cluster[] {
    return this.#store.list();
  }

  /** Returns a cluster's tags; none for an unknown cluster. */
  tags(id: string): Readonly<Record<string, string>> {
    const tags = this.#store.find(id)?.tags ?? [];
    return Object.fromEntries(tags.map(({ Key: key = "", Value: value = "" }) => [key, value]));
  }

  /** Terminates every cluster. Resolves when no process of a cluster is left. */
  async stop(): Promise<void> {
    const live = [...this.#live.values()];
    for (const { lifecycle } of live) {
      lifecycle.terminate(accountStopped);
    }
    await Promise.allSettled(live.map(({ finished }) => finished));
  }

  #operationTable(): Readonly<Record<string, Operation>> {
    const store = this.#store;
    return {
      RunJobFlow: (input: JobFlowRequest) => this.#runJobFlow(input),
      AddJobFlowSteps: (input: AddStepsRequest) => this.#addSteps(input),
      DescribeCluster: ({ ClusterId: id }: ClusterRequest) => ({
        Cluster: describeCluster(store.get(id), this.#context),
      }),
      ListClusters: (input: ListClustersRequest) => this.#listClusters(input),
      DescribeStep: (input: ClusterRequest & { StepId: string }) => describeStep(store.get(input.ClusterId), input),
      ListSteps: (input: ListStepsRequest) => listSteps(store.get(input.ClusterId), input),
      CancelSteps: (input: ClusterRequest & { StepIds: readonly string[] }) => {
        const cluster = store.get(input.ClusterId);
        return { CancelStepsInfoList: input.StepIds.map((id) => this.#cancelStep(cluster, id)) };
      },
      TerminateJobFlows: (input: { JobFlowIds: readonly string[] }) => this.#terminate(input.JobFlowIds),
      SetTerminationProtection: (input: { JobFlowIds: readonly string[]; TerminationProtected: boolean }) => {
        for (const cluster of input.JobFlowIds.map((id) => store.getModifiable(id))) {
          cluster.terminationProtected = input.TerminationProtected;
          store.save(cluster);
        }
      },
      AddTags: (input: { ResourceId: string; Tags: readonly Tag[] }) => this.#addTags(input),
      PutAutoTerminationPolicy: (input: AutoTerminationRequest) => this.#putAutoTermination(input),
      // The policy is checked and stored, but the embedded cluster does not scale.
      PutManagedScalingPolicy: (input: ClusterRequest & { ManagedScalingPolicy: ManagedScalingPolicy }) => {
        const cluster = store.getModifiable(input.ClusterId);
        checkScaling(input.ManagedScalingPolicy, cluster.request.Instances);
        cluster.managedScaling = input.ManagedScalingPolicy;
        store.save(cluster);
      },
      GetManagedScalingPolicy: ({ ClusterId: id }: ClusterRequest) => {
        const { managedScaling } = store.get(id);
        return managedScaling === undefined ? {} : { ManagedScalingPolicy: managedScaling };
      },
      // The AWS CLI's describe-cluster calls these three, too.
      ListBootstrapActions: ({ ClusterId: id }: ClusterRequest) => ({
        BootstrapActions: listBootstrapActions(store.get(id)),
      }),
      ListInstanceGroups: ({ ClusterId: id }: ClusterRequest) => listInstanceGroups(store.get(id)),
      ListInstanceFleets: ({ ClusterId: id }: ClusterRequest) => listInstanceFleets(store.get(id)),
      ListInstances: (input: ListInstancesRequest & ClusterRequest & { Marker?: string }) =>
        pageOf("Instances", listInstances(store.get(input.ClusterId), input), input.Marker),
    };
  }

  #runJobFlow(request: JobFlowRequest): object {
    checkJobFlow(request);
    if (request.SecurityConfiguration !== undefined) {
      // The embedded account has no security configurations. Wording: github.com/hashicorp/terraform/pull/13620
      const message = `Security configuration with name '${request.SecurityConfiguration}' does not exist.`;
      throw new AwsError("ValidationException", message);
    }
    const cluster = newCluster(request);
    const { Id: id } = cluster;
    const save = () => this.#store.save(cluster);
    save();
    const lifecycle = new ClusterLifecycle(this.#context, cluster, save);
    const finished = lifecycle
      .run()
      .catch((error: unknown) => this.#context.log(`emr: the end of ${id} was not saved: ${errorText(error)}`))
      .finally(() => this.#live.delete(id));
    this.#live.set(id, { lifecycle, finished });
    return { JobFlowId: id, ClusterArn: clusterArn(id, this.#context) };
  }

  #addSteps({ JobFlowId: id, Steps: requests }: AddStepsRequest): object {
    const cluster = this.#store.getModifiable(id);
    checkSteps(requests);
    checkStepsFit(requests, cluster.request);
    const steps = requests.map(newStep);
    // Management guide, "Submit work": 256 steps may be PENDING or RUNNING at a time.
    if (cluster.steps.filter(isActive).length + steps.length > 256) {
      throw new AwsError("ValidationException", "Maximum number of active steps(256) for cluster exceeded.");
    }
    cluster.steps.push(...steps);
    this.#store.save(cluster);
    this.#live.get(id)?.lifecycle.wake();
    return { StepIds: steps.map((step) => step.Id) };
  }

  #listClusters(input: ListClustersRequest): object {
    const { CreatedAfter: after = 0, CreatedBefore: before = Infinity, ClusterStates: states = [] } = input;
    const createdAt = ({ Status: { Timeline: timeline } }: Cluster) => timeline.CreationDateTime;
    const clusters = this.#store
      .list()
      .filter(({ Status: { State: state } }) => states.length === 0 || states.includes(state))
      .filter((cluster) => createdAt(cluster) >= after && createdAt(cluster) <= before)
      .toSorted((a, b) => createdAt(b) - createdAt(a))
      .map((cluster) => summarizeCluster(cluster, this.#context));
    return pageOf("Clusters", clusters, input.Marker);
  }

  #cancelStep(cluster: Cluster, stepId: string): object {
    const step = cluster.steps.find(({ Id: id }) => id === stepId);
    if (step?.Status.State === "PENDING") {
      transition(step.Status, "CANCELLED", { Message: "Cancelled by user" });
      this.#store.save(cluster);
    } else if (this.#live.get(cluster.Id)?.lifecycle.cancelRunningStep(stepId) !== true) {
      const reason = step === undefined ? "is not valid" : `is ${step.Status.State} and cannot be cancelled`;
      return { StepId: stepId, Status: "FAILED", Reason: `Step ${stepId} ${reason}.` };
    }
    return { StepId: stepId, Status: "SUBMITTED" };
  }

  #terminate(ids: readonly string[]): void {
    // API reference, TerminateJobFlows: "The maximum number of clusters allowed is 10."
    if (ids.length > 10) {
      throw new AwsError("ValidationException", "Size of jobFlowIds cannot be more than 10.");
    }
    const clusters = ids.map((id) => this.#store.getJobFlow(id));
    for (const { Id: id } of clusters.filter((cluster) => !cluster.terminationProtected)) {
      this.#live.get(id)?.lifecycle.terminate({ Code: "USER_REQUEST", Message: "Terminated by user request" });
    }
    if (clusters.some((cluster) => cluster.terminationProtected && !hasEnded(cluster))) {
      throw new AwsError(
        "ValidationException",
        "Could not shut down one or more job flows since they are termination protected.",
      );
    }
  }

  #addTags({ ResourceId: id, Tags: tags }: { ResourceId: string; Tags: readonly Tag[] }): void {
    const cluster = this.#store.get(id);
    checkTags(tags);
    const others = cluster.tags.filter(({ Key: key }) => !tags.some((tag) => tag.Key === key));
    cluster.tags = [...others, ...tags];
    this.#store.save(cluster);
  }

  #putAutoTermination({ ClusterId: id, AutoTerminationPolicy: policy }: AutoTerminationRequest): void {
    const cluster = this.#store.getModifiable(id);
    checkIdleTimeout(policy?.IdleTimeout);
    cluster.idleTimeoutSeconds = policy?.IdleTimeout;
    this.#store.save(cluster);
    this.#live.get(id)?.lifecycle.wake();
  }
}

interface ClusterRequest {
  readonly ClusterId: string;
}

interface AddStepsRequest {
  readonly JobFlowId: string;
  readonly Steps: readonly StepRequest[];
}

interface AutoTerminationRequest extends ClusterRequest {
  readonly AutoTerminationPolicy?: { readonly IdleTimeout?: number };
}

interface ListClustersRequest {
  readonly CreatedAfter?: number;
  readonly CreatedBefore?: number;
  readonly ClusterStates?: readonly string[];
  readonly Marker?: string;
}

interface ListStepsRequest extends ClusterRequest {
  readonly StepStates?: readonly string[];
  readonly StepIds?: readonly string[];
  readonly Marker?: string;
}

function describeStep({ steps }: Cluster, { StepId: stepId }: { readonly StepId: string }): object {
  const step = steps.find(({ Id: id }) => id === stepId);
  if (step === undefined) {
    throw new AwsError("InvalidRequestException", `Step id '${stepId}' is not valid.`);
  }
  return { Step: step };
}

function listSteps({ steps }: Cluster, { StepStates: states = [], StepIds: ids = [], Marker }: ListStepsRequest) {
  const newestFirst = steps
    .filter(({ Status: { State: state } }) => states.length === 0 || states.includes(state))
    .filter(({ Id: id }) => ids.length === 0 || ids.includes(id))
    .toReversed();
  return pageOf("Steps", newestFirst, Marker);
}

function pageOf(member: string, all: readonly unknown[], marker: string | undefined): object {
  const { items, next } = page(all, marker, pageSize);
  return { [member]: items, ...(next === undefined ? {} : { Marker: next }) };
}
