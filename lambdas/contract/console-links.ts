import { parse } from "@aws-sdk/util-arn-parser";
import { isEmbedded } from "./arns.ts";

/**
 * The console's domain in each partition but the standard one: docs.amazonaws.cn/en_us/aws/latest/userguide/endpoints-Beijing.html,
 * docs.aws.amazon.com/govcloud-us/latest/UserGuide/using-govcloud-endpoints.html, docs.aws.eu/general/latest/gr/endpoints.html
 */
const consoleDomains: Readonly<Record<string, string>> = {
  "aws-cn": "console.amazonaws.cn",
  "aws-us-gov": "console.amazonaws-us-gov.com",
  "aws-eusc": "console.amazonaws-eusc.eu",
};

/** Path of the embedded account's console. */
export const consolePath = "/_orchard/console";

/**
 * Address of an execution in the console of the embedded account. A browser can read it after it has opened the link with
 * the key.
 *
 * @param endpoint the account's, such as http://127.0.0.1:4566
 */
export function localExecutionLink(endpoint: string, executionArn: string): string {
  return `${endpoint}${consolePath}#/executions/${encodeURI(executionArn)}`;
}

/** The command that opens the page about a run. @param executionArn an execution of the run's account */
export function openReportCommand(runId: string, executionArn: string): string {
  return `orchard results ${runId} --open${isEmbedded(executionArn) ? " --local" : ""}`;
}

/** Address of an execution in the AWS console. */
export function executionLink(executionArn: string): string {
  const { home, region } = consoleOf(executionArn);
  return `${home}/states/home?region=${region}#/v2/executions/details/${encodeURI(executionArn)}`;
}

/** Address of a cluster in the AWS console, in the account and region of the execution. */
export function clusterLink(executionArn: string, clusterId: string): string {
  const { home, region } = consoleOf(executionArn);
  return `${home}/emr/home?region=${region}#/clusterDetails/${clusterId}`;
}

function consoleOf(executionArn: string): { readonly home: string; readonly region: string } {
  const { partition, region } = parse(executionArn);
  return { home: `https://${region}.${consoleDomains[partition] ?? "console.aws.amazon.com"}`, region };
}
