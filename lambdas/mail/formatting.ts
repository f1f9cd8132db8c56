import { controls, withoutControls } from "../../shared/bounded-text.ts";
import { quoteForShell } from "../../shared/shell-quotes.ts";
import { isEmbedded, nameOf, stateMachineArnOf } from "../contract/arns.ts";
import { clusterLink, executionLink, localExecutionLink } from "../contract/console-links.ts";
import type { Plan } from "../contract/plan.ts";
import type { PartialState } from "../contract/state-data.ts";

/** SNS accepts a subject of fewer than 100 ASCII characters, without line breaks and control characters. */
const maxSubjectLength = 99;

/** Makes a text a valid SNS subject: drops accents and shortens it if necessary. */
export function subjectLine(text: string): string {
  const ascii = text
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/\s+/g, " ")
    .replaceAll(/[^\x20-\x7e]/g, "?")
    .trim();
  return ascii.length <= maxSubjectLength ? ascii : `${ascii.slice(0, maxSubjectLength - 3)}...`;
}

/** Makes a mail's text of its lines. Quoted text cannot begin a line of its own. */
export function messageOf(lines: readonly string[]): string {
  return lines.map(withoutControls).join("\n");
}

/** Links to the execution and to its clusters in the AWS console, or in that of the embedded account. */
export function consoleLinks(executionArn: string, clusterIds: readonly string[]): readonly string[] {
  if (isEmbedded(executionArn)) {
    const endpoint = process.env["AWS_ENDPOINT_URL"];
    return [
      ...(endpoint === undefined ? [] : [`Execution:  ${localExecutionLink(endpoint, executionArn)}`]),
      `Look at it: orchard show ${nameOf(executionArn)} --local`,
    ];
  }
  return [
    `Execution: ${executionLink(executionArn)}`,
    ...clusterIds.map((id) => `Cluster:   ${clusterLink(executionArn, id)}`),
  ];
}

/** A mail repeats the execution input up to this length. Only Step Functions shows a longer one. */
const maxInputLength = 4_000;

/**
 * Puts JSON on one line. Line breaks and tabs can only be between two tokens, and become spaces. Any other character that a
 * mail must not have is inside a string, where JSON allows an escape sequence.
 */
function jsonOnOneLine(json: string): string {
  return json
    .replaceAll(/[\n\r\t]/g, " ")
    .replaceAll(controls, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The command that starts an execution of the same state machine. */
export function startCommand(input: string, executionArn: string): string {
  const argument = input.length <= maxInputLength ? quoteForShell(jsonOnOneLine(input)) : "file://input.json";
  return `aws stepfunctions start-execution --state-machine-arn ${stateMachineArnOf(executionArn)} --input ${argument}`;
}

/** The command that terminates clusters. */
export function terminateCommand(clusterIds: readonly string[]): string {
  return `aws emr terminate-clusters --cluster-ids ${clusterIds.join(" ")}`;
}

export function isSeeded(state: PartialState): boolean {
  return state.plan?.model.weights === "seeded";
}

/** Ids of the run's clusters, from every member of the state data that may have one. */
export function clusterIdsOf({ cluster, teardown, diagnosis }: PartialState): readonly string[] {
  return [...new Set([cluster?.id ?? [], teardown?.clusterIds ?? [], diagnosis?.cluster?.id ?? []].flat())];
}

/** The lines with the run's actual cost and its quote. On the embedded account, a run costs nothing. */
export function costLines({ plan, cluster, cost }: PartialState, executionArn: string): readonly string[] {
  if (isEmbedded(executionArn)) return plan ? [`On AWS:    ${describeQuote(plan.estimate)}, as quoted`] : [];
  if (!cluster && !cost) return ["Cost:      0.00 USD, no cluster"];
  if (!cost) return [`Cost:      not known; quoted before the run: ${plan?.estimate.usd.toFixed(2) ?? "?"} USD`];
  const error = cost.forecastErrorPercent;
  const comparison =
    error === null ? "" : `; it was ${Math.abs(error).toFixed(0)} % ${error > 0 ? "more expensive" : "cheaper"}`;
  return [
    `Cost:      ${cost.actualUsd.toFixed(2)} USD${cost.isFinal ? "" : " so far"} for ${cost.minutes.actual.toFixed(1)} minutes of the cluster, without tax`,
    `Quoted:    ${cost.quotedUsd.toFixed(2)} USD for ${cost.minutes.quoted.toFixed(1)} minutes${comparison}`,
  ];
}

function describeQuote({ usd, minutes }: Plan["estimate"]): string {
  return `${usd.toFixed(2)} USD for ${minutes.toFixed(1)} minutes`;
}
