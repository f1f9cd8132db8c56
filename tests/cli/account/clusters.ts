import { RunJobFlowCommand } from "@aws-sdk/client-emr";
import type { Clients } from "../../../cli/account/aws-clients.ts";

/** Creates a cluster with termination protection that waits for steps. @returns its id */
export async function createCluster(
  { emr }: Clients,
  Name: string,
  tags: Readonly<Record<string, string>>,
): Promise<string> {
  const { JobFlowId = "" } = await emr.send(
    new RunJobFlowCommand({
      Name,
      ReleaseLabel: "emr-7.13.0",
      ServiceRole: "EMR_DefaultRole",
      JobFlowRole: "EMR_EC2_DefaultRole",
      Instances: {
        KeepJobFlowAliveWhenNoSteps: true,
        TerminationProtected: true,
        InstanceGroups: [{ InstanceRole: "MASTER", InstanceType: "m5.xlarge", InstanceCount: 1 }],
      },
      Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
    }),
  );
  return JobFlowId;
}
