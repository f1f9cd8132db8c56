import type { AccountContext } from "../support/account-context.ts";
import type { JsonObject } from "../support/aws-error.ts";
import type { Cluster } from "./cluster-record.ts";
import { collectionType } from "./instances.ts";

type ArnScope = Pick<AccountContext, "region" | "accountId">;

export function clusterArn(id: string, { region, accountId }: ArnScope): string {
  return `arn:aws:elasticmapreduce:${region}:${accountId}:cluster/${id}`;
}

/** Returns the Cluster structure of DescribeCluster. */
export function describeCluster(cluster: Cluster, scope: ArnScope): JsonObject {
  const { request } = cluster;
  const { Instances: instances } = request;
  return {
    Id: cluster.Id,
    Name: request.Name,
    Status: cluster.Status,
    Ec2InstanceAttributes: {
      Ec2KeyName: instances["Ec2KeyName"],
      Ec2SubnetId: instances.Ec2SubnetId ?? instances.Ec2SubnetIds?.[0],
      RequestedEc2SubnetIds: instances.Ec2SubnetIds,
      EmrManagedMasterSecurityGroup: instances.EmrManagedMasterSecurityGroup,
      EmrManagedSlaveSecurityGroup: instances.EmrManagedSlaveSecurityGroup,
      ServiceAccessSecurityGroup: instances.ServiceAccessSecurityGroup,
      IamInstanceProfile: request.JobFlowRole,
    },
    InstanceCollectionType: collectionType(cluster),
    LogUri: request.LogUri?.replace(/^s3:/, "s3n:"),
    ReleaseLabel: request.ReleaseLabel,
    AutoTerminate: !(instances.KeepJobFlowAliveWhenNoSteps ?? false),
    TerminationProtected: cluster.terminationProtected,
    VisibleToAllUsers: true,
    Applications: (request.Applications ?? []).map(({ Name: name }) => ({ Name: name })),
    Tags: cluster.tags,
    ServiceRole: request.ServiceRole,
    NormalizedInstanceHours: 0,
    MasterPublicDnsName: "localhost",
    Configurations: request["Configurations"] ?? [],
    SecurityConfiguration: request.SecurityConfiguration,
    ScaleDownBehavior: request["ScaleDownBehavior"] ?? "TERMINATE_AT_TASK_COMPLETION",
    EbsRootVolumeSize: request["EbsRootVolumeSize"],
    StepConcurrencyLevel: 1,
    ClusterArn: clusterArn(cluster.Id, scope),
  };
}

/** Returns the ClusterSummary structure of ListClusters. */
export function summarizeCluster(cluster: Cluster, scope: ArnScope): JsonObject {
  return {
    Id: cluster.Id,
    Name: cluster.request.Name,
    Status: cluster.Status,
    NormalizedInstanceHours: 0,
    ClusterArn: clusterArn(cluster.Id, scope),
  };
}

/** Returns the Command structures of ListBootstrapActions. */
export function listBootstrapActions({ request }: Cluster): readonly JsonObject[] {
  return (request.BootstrapActions ?? []).map(({ Name: name, ScriptBootstrapAction: action }) => ({
    Name: name,
    ScriptPath: action.Path,
    Args: action.Args ?? [],
  }));
}
