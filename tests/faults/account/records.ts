import type { Cluster } from "./cluster.ts";

/** The origin of a call: a state of an execution, or a later layer of the teardown ("layer 2", "layer 3"). */
export interface Caller {
  /** The execution's name. Empty for the sweep. */
  readonly execution: string;
  readonly state: string;
  /** Number of the execution's run. Absent for a layer. */
  readonly run?: number;
}

/** An execution's status as DescribeExecution returned it, and when. */
export interface StatusSeen {
  readonly status: string;
  readonly at: number;
}

/** A call that protects or terminates a cluster. */
export interface ClusterCall {
  readonly cluster: Cluster;
  readonly operation: string;
  readonly by: Caller;
  readonly at: number;
  /** ARN of the execution for which the cluster was created. */
  readonly owner: string | undefined;
  readonly ownerStatus: string | undefined;
  /** The owner's status as the same function invocation has read it. */
  readonly statusSeen: StatusSeen | undefined;
  /** Whether this call ended the cluster. */
  readonly ended: boolean;
}

export interface Mail {
  readonly subject: string;
  readonly message: string;
  readonly by: Caller;
  readonly at: number;
  /** Clusters of the execution that were not terminated when the mail was sent. */
  readonly alive: readonly Cluster[];
}

/** A delivery of the event that a run has ended, to the rules of layer 2. */
export interface Delivery {
  readonly execution: string;
  readonly run: number;
  readonly at: number;
}

/** A cluster, and the caller of RunJobFlow. */
export interface Creation {
  readonly cluster: Cluster;
  readonly by: Caller;
}
