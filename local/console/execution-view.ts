import { z } from "zod";
import { executionTag } from "../../lambdas/contract/tags.ts";
import type { ClusterView, ExecutionView } from "../../pages/console/console-data.ts";
import type { Cluster } from "../emr/cluster-record.ts";
import type { EmrService } from "../emr/emr-service.ts";
import { countInstances } from "../emr/instances.ts";
import { withoutData } from "../stepfunctions/execution-history.ts";
import type { Execution, HistoryEvent } from "../stepfunctions/execution-record.ts";
import { describeExecution } from "../stepfunctions/step-functions-service.ts";
import { isObject } from "../support/aws-error.ts";
import type { RunFiles } from "./run-files.ts";

interface Sources {
  readonly emr: EmrService;
  readonly files: RunFiles;
  /** Returns the path that opens the report of a run. */
  readonly reportPath: (executionArn: string) => string;
}

/** Collects the data that the console shows about an execution. */
export async function viewExecution(execution: Execution, { emr, files, reportPath }: Sources): Promise<ExecutionView> {
  const isRunning = execution.status === "RUNNING";
  return {
    execution: describeExecution(execution),
    definition: execution.definition,
    events: execution.events.map(withoutData),
    clusters: viewClusters(execution, emr.records()),
    progress: isRunning ? await files.readProgress(execution) : null,
    report: (await files.hasReport(execution)) ? reportPath(execution.executionArn) : null,
  };
}

/** Returns the clusters of an execution: those that it created, by their tag, and those that its Tasks name. */
function viewClusters(execution: Execution, all: readonly Cluster[]): readonly ClusterView[] {
  const named = new Set(execution.events.flatMap(clusterIdOf));
  const isOwn = ({ Id: id, tags }: Cluster) =>
    named.has(id) || tags.some(({ Key, Value }) => Key === executionTag && Value === execution.executionArn);
  return all.filter(isOwn).map((cluster) => ({
    Id: cluster.Id,
    Name: cluster.request.Name,
    ReleaseLabel: cluster.request.ReleaseLabel,
    Status: cluster.Status,
    Instances: countInstances(cluster),
    // A kept cluster has the steps of earlier executions, too.
    Steps: cluster.steps
      .filter(({ Status: status }) => status.Timeline.CreationDateTime >= execution.startDate)
      .map(({ Id, Name, Status }) => ({ Id, Name, Status })),
  }));
}

const parametersSchema = z.object({ ClusterId: z.string() });

function clusterIdOf(event: HistoryEvent): readonly string[] {
  const details = event["taskScheduledEventDetails"];
  if (!isObject(details) || details["resourceType"] !== "elasticmapreduce") return [];
  const { data } = parametersSchema.safeParse(JSON.parse(String(details["parameters"])));
  return data ? [data.ClusterId] : [];
}
