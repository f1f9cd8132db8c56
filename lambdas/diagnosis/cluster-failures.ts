import { vcpuQuotas } from "../catalog/vcpu-quotas.ts";
import type { ClusterPlan } from "../contract/cluster-plan.ts";
import type { Section } from "../contract/sections.ts";
import { type Explanation, explainByPattern, type FailurePattern, lostNode } from "./failure-pattern.ts";

/** EMR's messages about a cluster that did not start or ended early. */
const clusterFailures: readonly FailurePattern[] = [
  {
    // AddJobFlowSteps and TerminateJobFlows, for a cluster that has ended or that EMR has forgotten.
    pattern: /shutting down, terminated, or finished may not be modified|Specified job flow ID does not exist/,
    explain: () => ({
      cause: "The cluster was already gone when the state began, which happens when an execution is redriven",
      section: "starting-again",
      remedy:
        "Start a new execution with the same input: computed features are kept. A redrive does not bring the cluster back",
    }),
  },
  {
    pattern: /vcpu|instance limit|InstanceLimitExceeded|MaxSpotInstanceCountExceeded|EC2 (?:instance )?quota/i,
    explain: ([match], { text, cluster }) => {
      const isSpot = /spot/i.test(`${match} ${text}`) && cluster?.market !== "ON_DEMAND";
      const { name, code } = vcpuQuotas[isSpot ? "SPOT" : "ON_DEMAND"];
      const quota = `${name} (${code})`;
      return {
        cause: `An EC2 quota is too small, ${quota}: ${text}`,
        section: "cluster-does-not-start",
        remedy: `Request an increase of the quota ${quota}, or use fewer or smaller nodes (cluster.coreCount, cluster.coreType)`,
      };
    },
  },
  {
    pattern: /(?:number of active clusters|cluster limit|limit on the number of clusters)/i,
    explain: (_, { text }) => ({
      cause: `An EMR quota is too small, the number of active clusters: ${text}`,
      section: "cluster-does-not-start",
      remedy:
        "Terminate clusters that nobody needs (aws emr list-clusters --active), or request an increase of the quota",
    }),
  },
  {
    // This pattern precedes the one for other denials. If a volume's key may not be used, EC2 may only say "Client error on
    // launch" (repost.aws/knowledge-center/kms-iam-ec2-permission).
    pattern: /\bKMS\b|KMSKey|Client error on launch/i,
    explain: () => ({
      section: "kms-access-denied",
      remedy:
        "Deploy with -c encryptedVolumes=false, or let EMR's roles and AWSServiceRoleForEC2Spot use the key, and the nodes' subnet reach KMS",
    }),
  },
  {
    pattern:
      /is not authorized to perform: (\S{1,100})|AccessDenied|do not have permission|insufficient (?:EC2 )?permissions|Invalid InstanceProfile|ServiceRole/i,
    explain: () => ({
      section: "cluster-does-not-start",
      remedy:
        "Deploy the stack again, which creates the roles; if that does not help, grant the permission that the message names",
    }),
  },
  {
    pattern: /\bspot\b|SPOT_/i,
    explain: () => ({
      section: "spot-capacity",
      remedy: 'Start again, with {"cluster": {"market": "ON_DEMAND"}} or another cluster.coreType',
    }),
  },
  {
    pattern:
      /INSUFFICIENT_?CAPACITY|insufficient (?:instance )?capacity|sufficient .{0,200}capacity|InsufficientInstanceCapacity/i,
    explain: () => ({
      section: "spot-capacity",
      remedy: "Start again later, or with another cluster.coreType, or configure a subnet in another zone",
    }),
  },
  {
    pattern: /NO_SLAVE_LEFT|\breclaimed\b|\blost\b|\bnodes? (?:was|were) terminated\b/i,
    explain: (_, evidence) => ({ ...lostNode(evidence), cause: evidence.text }),
  },
  {
    pattern: /\(States\.Timeout\)/,
    explain: () => ({
      cause: "The cluster was not ready within its time limit (States.Timeout)",
      section: "cluster-does-not-start",
      remedy: "EC2 probably had no capacity for the nodes: start again, with another cluster.coreType or market",
    }),
  },
  {
    pattern: /Rate exceeded|Throttl/i,
    explain: () => ({ section: "cluster-does-not-start", remedy: "EMR or EC2 was busy: start again" }),
  },
];

/**
 * Explains EMR's message about a cluster.
 *
 * @param otherwise section for a message that no pattern matches
 */
export function explainClusterMessage(
  text: string,
  cluster: ClusterPlan | undefined,
  otherwise: Section = "cluster-does-not-start",
): Explanation {
  return explainByPattern(clusterFailures, text, { text, cluster }) ?? { section: otherwise, remedy: null };
}
