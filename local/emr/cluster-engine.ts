import { join } from "node:path";
import type { ClusterLogs } from "./cluster-logs.ts";
import type { EmrNode, NodeResult } from "./emr-node.ts";

/** The nodes of a cluster, and how they run its bootstrap actions and its steps. */
export interface ClusterEngine {
  /** The nodes on which the bootstrap actions run, the primary node first. */
  readonly nodes: readonly EmrNode[];
  /** Creates the nodes. */
  create(): Promise<void>;
  /** Runs a bootstrap script on one of the nodes. @param number 1 for the cluster's first bootstrap action */
  bootstrap(node: EmrNode, script: Uint8Array, action: BootstrapAction, signal: AbortSignal): Promise<NodeResult>;
  /** Starts the daemons after the bootstrap actions. @throws Error when one of them does not start */
  start(signal: AbortSignal): Promise<void>;
  /** Runs a step of command-runner.jar on the primary node. */
  step(stepId: string, args: readonly string[], signal: AbortSignal): Promise<NodeResult>;
  /** Ends the daemons and removes the nodes; logs stay. */
  remove(): Promise<void>;
}

/** The part of a cluster that its engine needs. */
export interface EngineCluster {
  /** The EC2 id of the primary node. */
  readonly instanceId: string;
  /** The cluster's folder in the account's state. */
  readonly folder: string;
  readonly logs: ClusterLogs;
  /** Spark's properties that the request sets for the whole cluster. */
  readonly sparkDefaults: Readonly<Record<string, string>>;
}

export interface BootstrapAction {
  readonly number: number;
  readonly args: readonly string[];
}

/** The folder with a cluster's nodes. Files that outlive the nodes, such as logs, are elsewhere. */
export function nodesFolder(clusterFolder: string): string {
  return join(clusterFolder, "node");
}
