import type { ClusterPlan } from "../../../lambdas/contract/cluster-plan.ts";
import type { Instances } from "../../../local/emr/instance-rules.ts";
import type { Configuration } from "../../../local/emr/yarn-rules.ts";

/** Returns the members of a RunJobFlow request that come from the plan of its cluster. */
export function jobFlowRequest(cluster: ClusterPlan) {
  return {
    Name: cluster.name,
    ReleaseLabel: cluster.releaseLabel,
    ServiceRole: "service",
    JobFlowRole: "profile",
    Applications: cluster.applications as { Name: string }[],
    Configurations: cluster.configurations as Configuration[],
    AutoTerminationPolicy: { IdleTimeout: cluster.idleTimeoutSeconds },
    Instances: { KeepJobFlowAliveWhenNoSteps: true, ...(cluster.instances as unknown as Instances) },
  };
}
