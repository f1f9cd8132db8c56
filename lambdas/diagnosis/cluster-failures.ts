import type { ClusterPlan } from "../contract/cluster-plan.ts";
import type { Section } from "../contract/sections.ts";
import { type Explanation, explain, type FailurePattern, lostNode } from "./failure-pattern.ts";

/** Service Quotas' names of the EC2 quotas that apply to a cluster. */
const quotas = {
  ON_DEMAND: "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances (L-1216C47A)",
  SPOT: "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests (L-34B43A08)",
} as const;

/** EMR's messages about a cluster that did not start or ended early. */
const clusterFailures: readonly FailurePattern[] = [
  {
    // AddJobFlowSteps and TerminateJobFlows for a cluster that has ended, or that EMR does not know any more.
    pattern: /shutting down, terminated, or finished may not be modified|Specified job flow ID does not exist/,
    read: () => ({
      says: "The cluster was already gone when the state began; an execution that is redriven finds its cluster so",
      section: "starting-again",
      remedy:
        "Start a new execution with the same input: features that are done are kept. A redrive brings no cluster back",
    }),
  },
  {
    pattern: /vcpu|instance limit|InstanceLimitExceeded|MaxSpotInstanceCountExceeded|EC2 (?:instance )?quota/i,
    read: ([found], { text, cluster }) => {
      const isSpot = /spot/i.test(`${found} ${text}`) && cluster?.market !== "ON_DEMAND";
      const quota = quotas[isSpot ? "SPOT" : "ON_DEMAND"];
      return {
        says: `An EC2 quota is too small, ${quota}: ${text}`,
        section: "cluster-does-not-start",
        remedy: `Have the quota raised: ${quota}; or ask for fewer or smaller nodes (cluster.coreCount, cluster.coreType)`,
      };
    },
  },
  {
    pattern: /(?:number of active clusters|cluster limit|limit on the number of clusters)/i,
    read: (_, { text }) => ({
      says: `An EMR quota is too small, the number of active clusters: ${text}`,
      section: "cluster-does-not-start",
      remedy: "End clusters that nobody needs (aws emr list-clusters --active), or have the quota raised",
    }),
  },
  {
    pattern:
      /is not authorized to perform: (\S+)|AccessDenied|do not have permission|insufficient (?:EC2 )?permissions|Invalid InstanceProfile|ServiceRole/i,
    read: () => ({
      section: "cluster-does-not-start",
      remedy: "Deploy the stack again: it makes the roles; then see what the message says of them",
    }),
  },
  {
    pattern: /\bspot\b|SPOT_/i,
    read: () => ({
      section: "spot-capacity",
      remedy: 'Start again, with {"cluster": {"market": "ON_DEMAND"}} or another cluster.coreType',
    }),
  },
  {
    pattern:
      /INSUFFICIENT_?CAPACITY|insufficient (?:instance )?capacity|sufficient .*capacity|InsufficientInstanceCapacity/i,
    read: () => ({
      section: "spot-capacity",
      remedy: "Start again later, or with another cluster.coreType, or let config name a subnet in another zone",
    }),
  },
  {
    pattern: /NO_SLAVE_LEFT|\breclaimed\b|\blost\b|\bnodes? (?:was|were) terminated\b/i,
    read: (_, evidence) => ({ ...lostNode(evidence), says: evidence.text }),
  },
  {
    pattern: /\(States\.Timeout\)/,
    read: () => ({
      says: "The cluster was not ready within its time limit (States.Timeout)",
      section: "cluster-does-not-start",
      remedy: "Mostly EMR waits for nodes that EC2 has not: start again, with another cluster.coreType or market",
    }),
  },
  {
    pattern: /Rate exceeded|Throttl/i,
    read: () => ({ section: "cluster-does-not-start", remedy: "EMR or EC2 was busy: start again" }),
  },
];

/** Explains EMR's message about a cluster. */
export function readClusterMessage(
  text: string,
  cluster: ClusterPlan | undefined,
  otherwise: Section = "cluster-does-not-start",
): Explanation {
  return explain(clusterFailures, text, { text, cluster }) ?? { section: otherwise, remedy: null };
}
