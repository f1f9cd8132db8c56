import { isGone, stateOf } from "../aws/cluster-states.ts";
import type { FoundClusters } from "../aws/emr.ts";
import { shortCause } from "../contract/failure.ts";
import { troubleshootingLink } from "../contract/sections.ts";
import { consoleLinks, messageOf, startCommand, subjectLine, terminateCommand } from "./formatting.ts";
import { inputClusterLines } from "./kept.ts";
import type { Mail } from "./sending.ts";

/** An execution that ended without its notification states, as DescribeExecution returns it. */
export interface StoppedExecution {
  readonly executionArn: string;
  readonly name: string;
  readonly status: "ABORTED" | "TIMED_OUT" | "FAILED";
  readonly error: string;
  readonly cause: string;
  /** JSON */
  readonly input: string;
}

type Clusters = Pick<FoundClusters, "ours" | "failures">;

function describeEnd({ status, error, cause }: StoppedExecution): string {
  const reason = shortCause([error, cause].filter((text) => text !== "").join(": "));
  if (status === "ABORTED") return `The execution was stopped${reason ? `: ${reason}` : ""}`;
  if (status === "TIMED_OUT") return "The execution did not end within its time limit";
  return reason;
}

function clusterLines(input: string, { ours, failures }: Clusters): readonly string[] {
  const reused = inputClusterLines(input);
  const alive = ours.filter((cluster) => !isGone(stateOf(cluster))).flatMap(({ Id }) => Id ?? []);
  const sawAll = failures.length === 0;
  return [
    ...(sawAll ? [] : ["Cluster:   one may be alive: EMR did not answer. List them: aws emr list-clusters --active"]),
    ...reused,
    ...ours.map((cluster) => `Cluster:   ${cluster.Id}, ${stateOf(cluster)}`),
    // A RunJobFlow request that was under way when the execution ended takes effect after this mail.
    ...(alive.length === 0 && sawAll && reused.length === 0
      ? [
          `Cluster:   ${ours.length === 0 ? "none was found; " : ""}one that was just being created is terminated by the sweep within 15 minutes`,
        ]
      : []),
    ...(alive.length > 0
      ? [
          "           It is being terminated now. Every 15 minutes, the sweep looks for clusters that are left, also for one that was just being created.",
          "           To be sure:",
          `           ${terminateCommand(alive)}`,
        ]
      : []),
  ];
}

/** Writes the mail about a run that was stopped, timed out or failed with an error that no Catch handles. */
export function stoppedMail(stopped: StoppedExecution, clusters: Clusters): Mail {
  const { executionArn, name, status, input } = stopped;
  const ids = clusters.ours.flatMap(({ Id }) => Id ?? []);
  const lines = [
    describeEnd(stopped),
    "",
    `Run:       ${name}`,
    `Status:    ${status}`,
    ...clusterLines(input, clusters),
    `See:       ${troubleshootingLink("a-cluster-is-left")}`,
    "",
    "Start again, with the same input:",
    `  ${startCommand(input, executionArn)}`,
    "",
    ...consoleLinks(executionArn, ids),
  ];
  return { subject: subjectLine(`Orchard: ${name} ${status}`), message: messageOf(lines) };
}
