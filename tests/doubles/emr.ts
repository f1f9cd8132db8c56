import {
  AddTagsCommand,
  CancelStepsCommand,
  type Cluster,
  DescribeClusterCommand,
  EMRClient,
  ListClustersCommand,
  ListStepsCommand,
  PutAutoTerminationPolicyCommand,
  SetTerminationProtectionCommand,
  type StepSummary,
  TerminateJobFlowsCommand,
} from "@aws-sdk/client-emr";

type FakeCluster = Cluster & { readonly Id: string; readonly createdAt: Date };

/** Returns an EMRClient that sends by the given function. The SDK's paginators accept only instances of EMRClient. */
export function emrClient(send: (command: unknown) => Promise<unknown>): EMRClient {
  return Object.assign(Object.create(EMRClient.prototype), { send });
}

/** EMR with clusters in memory, for the commands that the functions send. */
export class EmrDouble {
  private readonly clusters = new Map<string, FakeCluster>();
  /** Throttles the next TerminateJobFlows. */
  throttleNextTermination = false;
  /** Id of the cluster whose TerminateJobFlows was throttled. */
  throttled = "";
  /** ListSteps' answer for every cluster, newest first. */
  readonly steps: StepSummary[] = [];
  readonly cancelled: CancelStepsCommand["input"][] = [];
  readonly idleTimeouts = new Map<string, number | undefined>();
  /** Id of the cluster for which DescribeCluster is throttled. */
  undescribable: string | undefined;
  /** Number of pages that ListClusters returns before it is denied. */
  listablePages = Number.POSITIVE_INFINITY;
  /** ListClusters never answers. */
  isListSilent = false;
  readonly client = emrClient(async (command) => this.answer(command));

  create(name: string, tags: Record<string, string>, changes: Partial<Cluster> = {}, createdAt = new Date()): string {
    const Id = `j-${this.clusters.size + 1}`;
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    this.clusters.set(Id, { Id, Name: name, Tags, Status: { State: "WAITING" }, createdAt, ...changes });
    return Id;
  }

  find(id: string | undefined): FakeCluster {
    const cluster = this.clusters.get(id ?? "");
    if (!cluster)
      throw Object.assign(new Error(`Cluster id '${id}' is not valid.`), { name: "InvalidRequestException" });
    return cluster;
  }

  stateOf(id: string): string | undefined {
    return this.find(id).Status?.State;
  }

  private answer(command: unknown): unknown {
    if (command instanceof DescribeClusterCommand) return { Cluster: this.describe(command.input.ClusterId) };
    if (command instanceof ListClustersCommand)
      return this.isListSilent ? new Promise(() => undefined) : this.list(command.input);
    if (command instanceof SetTerminationProtectionCommand) {
      for (const id of command.input.JobFlowIds ?? [])
        this.clusters.set(id, { ...this.find(id), TerminationProtected: command.input.TerminationProtected ?? false });
      return {};
    }
    if (command instanceof TerminateJobFlowsCommand) return this.terminate(command.input.JobFlowIds ?? []);
    if (command instanceof ListStepsCommand) {
      this.find(command.input.ClusterId);
      return this.listSteps(command.input);
    }
    if (command instanceof CancelStepsCommand) {
      this.cancelled.push(command.input);
      return { CancelStepsInfoList: command.input.StepIds?.map((StepId) => ({ StepId, Status: "SUBMITTED" })) };
    }
    if (command instanceof PutAutoTerminationPolicyCommand) {
      const { ClusterId = "", AutoTerminationPolicy } = command.input;
      this.idleTimeouts.set(ClusterId, AutoTerminationPolicy?.IdleTimeout);
      return {};
    }
    if (command instanceof AddTagsCommand) {
      const { ResourceId = "", Tags = [] } = command.input;
      const cluster = this.find(ResourceId);
      this.clusters.set(ResourceId, { ...cluster, Tags: [...(cluster.Tags ?? []), ...Tags] });
      return {};
    }
    throw new Error(`EmrDouble has no answer to ${(command as object).constructor.name}; add one.`);
  }

  private describe(id: string | undefined): Cluster {
    if (this.undescribable === id) throw Object.assign(new Error("Rate exceeded"), { name: "ThrottlingException" });
    const { createdAt, ...cluster } = this.find(id);
    return { ...cluster, Status: { ...cluster.Status, Timeline: { CreationDateTime: createdAt } } };
  }

  private list({ ClusterStates, CreatedAfter, Marker }: ListClustersCommand["input"]): unknown {
    const wanted = [...this.clusters.values()].filter(
      ({ Status, createdAt }) =>
        (!ClusterStates || (Status?.State !== undefined && ClusterStates.includes(Status.State))) &&
        (!CreatedAfter || createdAt >= CreatedAfter),
    );
    // One cluster for each page, so that code which ignores the marker misses some. EMR omits tags here, too.
    const index = Number(Marker ?? 0);
    if (index >= this.listablePages) throw Object.assign(new Error("Denied"), { name: "AccessDeniedException" });
    const page = wanted.slice(index, index + 1).map(({ Id, Name, Status }) => ({ Id, Name, Status }));
    return { Clusters: page, Marker: index + 1 < wanted.length ? String(index + 1) : undefined };
  }

  /** One step for each page, like the clusters. */
  private listSteps({ StepStates, Marker }: ListStepsCommand["input"]): unknown {
    const wanted = this.steps.filter(({ Status }) => !StepStates || StepStates.includes(Status?.State ?? "PENDING"));
    const index = Number(Marker ?? 0);
    return {
      Steps: wanted.slice(index, index + 1),
      Marker: index + 1 < wanted.length ? String(index + 1) : undefined,
    };
  }

  private terminate(ids: readonly string[]): unknown {
    for (const id of ids) {
      if (this.throttleNextTermination) {
        this.throttleNextTermination = false;
        this.throttled = id;
        throw Object.assign(new Error("Rate exceeded"), { name: "ThrottlingException" });
      }
      const cluster = this.find(id);
      if (cluster.TerminationProtected)
        throw Object.assign(
          new Error("Could not shut down one or more job flows since they are termination protected."),
          {
            name: "ValidationException",
          },
        );
      this.clusters.set(id, { ...cluster, Status: { State: "TERMINATING" } });
    }
    return {};
  }

  /** Lets time pass until every TERMINATING cluster is TERMINATED. */
  settle(): void {
    for (const [id, cluster] of this.clusters) {
      if (cluster.Status?.State === "TERMINATING")
        this.clusters.set(id, { ...cluster, Status: { State: "TERMINATED" } });
    }
  }
}
