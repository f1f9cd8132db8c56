import { isAlive, isGone, stateOf } from "../aws/cluster-states.ts";
import type { FoundClusters } from "../aws/emr.ts";
import { parseArn, stateMachineArnOf } from "../contract/arns.ts";
import type { Execution } from "../contract/execution.ts";
import type { Section } from "../contract/sections.ts";
import type { PartialState } from "../contract/state-data.ts";
import { featuresRunOf } from "../results/earlier-runs.ts";
import { borrowedByInput, borrowedLines, clusterThatGoesOn, inputAgain, inputOnKept, keptLines } from "./kept.ts";

export interface Mail {
  readonly subject: string;
  readonly message: string;
}

/** SNS takes a subject of ASCII, fewer than 100 characters, without line breaks or control characters. */
const maxSubjectLength = 99;

/** Makes any text a subject that SNS takes; letters with accents lose them. */
export function subjectLine(text: string): string {
  const ascii = text
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/\s+/g, " ")
    .replaceAll(/[^\x20-\x7e]/g, "?")
    .trim();
  return ascii.length <= maxSubjectLength ? ascii : `${ascii.slice(0, maxSubjectLength - 3)}...`;
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

const seededNotice = "SEEDED RANDOM WEIGHTS: the features of this run mean nothing.";

function isSeeded(state: PartialState): boolean {
  return state.plan?.model.weights === "seeded";
}

function clusterIds({ cluster, teardown, diagnosis }: PartialState): readonly string[] {
  return [...new Set([cluster?.id ?? [], teardown?.clusterIds ?? [], diagnosis?.cluster?.id ?? []].flat())];
}

function links(executionArn: string, clusterIds: readonly string[]): readonly string[] {
  const { region } = parseArn(executionArn);
  const console = `https://${region}.console.aws.amazon.com`;
  return [
    `Execution: ${console}/states/home?region=${region}#/v2/executions/details/${encodeURI(executionArn)}`,
    ...clusterIds.map((id) => `Cluster:   ${console}/emr/home?region=${region}#/clusterDetails/${id}`),
  ];
}

function percent(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/** A run that only reduced has its bad images where its features are. */
function errorsAt(plan: PartialState["plan"], results: string): string {
  return `${plan?.features ? featuresRunOf(plan) : results}errors/`;
}

/** What the run cost, beside what was quoted. */
function costLines({ plan, cluster, cost }: PartialState): readonly string[] {
  if (!cluster && !cost) return ["Cost:      0.00 USD, no cluster"];
  if (!cost) return [`Cost:      not known; quoted before the run: ${plan?.estimate.usd.toFixed(2) ?? "?"} USD`];
  const error = cost.forecastErrorPercent;
  return [
    `Cost:      ${cost.actualUsd.toFixed(2)} USD${cost.isFinal ? "" : " so far"} for ${cost.minutes.actual.toFixed(1)} minutes of the cluster, without tax`,
    `Quoted:    ${cost.quotedUsd.toFixed(2)} USD for ${cost.minutes.quoted.toFixed(1)} minutes${error === null ? "" : `; it was ${Math.abs(error).toFixed(0)} % ${error > 0 ? "dearer" : "cheaper"}`}`,
  ];
}

/** The mail about a run that succeeded. */
export function successMail(state: PartialState, execution: Execution, now: Date): Mail {
  const { plan } = state;
  const reuse = plan?.reuse;
  const validation = state.validation ?? reuse?.validation;
  const minutes = (now.getTime() - Date.parse(execution.startTime)) / 60_000;
  const warnings = [...new Set([...(plan?.warnings ?? []), ...(validation?.warnings ?? [])])];
  const kept = clusterThatGoesOn(state, now);
  const lines = [
    `Run ${execution.name} (${plan?.mode ?? "?"}) succeeded.`,
    ...(kept ? ["", ...keptLines(kept, restartCommand(inputOnKept(state, kept.clusterId), execution.id))] : []),
    ...(isSeeded(state) ? ["", seededNotice] : []),
    ...(reuse ? ["", "Nothing is new: no cluster was created, an earlier run's results stand."] : []),
    "",
    ...(validation
      ? [
          `Images:    ${validation.images} of ${validation.labels} labels`,
          `Errors:    ${validation.errors} (${percent(validation.errorRate, 2)})${validation.errors > 0 ? `, see ${errorsAt(plan, validation.results)}` : ""}`,
          ...(validation.computed === null || reuse
            ? []
            : [`Features:  ${validation.computed} computed, ${validation.reused} reused`]),
          ...(validation.variance === null
            ? []
            : [`Variance:  ${percent(validation.variance, 2)} kept by ${validation.components} components`]),
        ]
      : []),
    `Time:      ${minutes.toFixed(1)} minutes`,
    ...costLines(state),
    `Results:   ${validation?.results ?? plan?.run ?? "?"}`,
    `Cluster:   ${kept ? `${kept.clusterId}, kept` : state.cluster ? "terminated" : "none was created"}`,
    ...(warnings.length > 0 ? ["", "Warnings:", ...warnings.map((warning) => `- ${warning}`)] : []),
    "",
    ...links(execution.id, clusterIds(state)),
  ];
  const found = validation
    ? `: ${reuse ? "nothing new, " : ""}${validation.images} images${validation.variance === null ? "" : `, ${percent(validation.variance)} variance kept`}`
    : "";
  return {
    subject: subjectLine(`Orchard: ${execution.name} succeeded${found}${isSeeded(state) ? " (SEEDED WEIGHTS)" : ""}`),
    message: lines.join("\n"),
  };
}

function troubleshooting(section: Section): string {
  return `docs/troubleshooting.md#${section}`;
}

/** A cause longer than this is no line any more. */
const maxCauseLength = 1_000;

/** EMR had not listed it when the teardown looked, and nothing has ended it: it was seen alive after that. */
function wasOverlooked({ diagnosis }: PartialState): boolean {
  return isAlive(diagnosis?.cluster?.state);
}

/** Before the scripts were up nothing was created, and a teardown that failed had nothing to end. */
function mayBeRunning(state: PartialState): boolean {
  return (
    (state.teardownError !== undefined || wasOverlooked(state)) && state.scripts !== undefined && !state.plan?.borrowed
  );
}

function describeTeardown(state: PartialState): readonly string[] {
  const ids = clusterIds(state);
  if (state.plan?.borrowed) return borrowedLines(state.plan.borrowed, state);
  if (mayBeRunning(state)) {
    const why = state.teardownError
      ? `the teardown failed: ${state.teardownError.Error}`
      : "the teardown did not find it";
    return [
      `Cluster:   MAY STILL BE RUNNING AND COST MONEY (${ids.join(", ") || "id unknown"}); ${why}`,
      ids.length > 0
        ? `End it:    aws emr terminate-clusters --cluster-ids ${ids.join(" ")}`
        : "Find it:   aws emr list-clusters --active, then: aws emr terminate-clusters --cluster-ids <id>",
      `See:       ${troubleshooting("a-cluster-is-left")}`,
    ];
  }
  const end = state.diagnosis?.cluster?.state === "TERMINATING" ? "being terminated" : "terminated";
  if (ids.length > 0) return [`Cluster:   ${ids.join(", ")}, ${end}`];
  // What CreateCluster may have created is gone when the teardown looks, and perhaps EMR did not answer the diagnosis.
  return [`Cluster:   ${state.scripts === undefined ? "none was created" : "none is left"}`];
}

/** The longest input that is repeated in the mail; a longer one is in the execution. */
const maxInputLength = 4_000;

function restartCommand(input: string, executionArn: string): string {
  const argument = input.length <= maxInputLength ? shellQuote(input) : "file://input.json";
  return `aws stepfunctions start-execution --state-machine-arn ${stateMachineArnOf(executionArn)} --input ${argument}`;
}

/** The mail about a run that failed: what and why in its first line, then what to do. */
export function failureMail(state: PartialState, execution: Execution): Mail {
  const { diagnosis, error } = state;
  const again = inputAgain(state);
  const where = diagnosis?.state ?? "an unknown state";
  const known = diagnosis?.cause || error?.Cause || "no cause is known";
  const cause = known.length <= maxCauseLength ? known : `${known.slice(0, maxCauseLength)}...`;
  const lines = [
    `${where} failed: ${cause}`,
    "",
    ...(diagnosis?.remedy ? [`Do this:   ${diagnosis.remedy}`] : []),
    ...(diagnosis?.section ? [`See:       ${troubleshooting(diagnosis.section)}`] : []),
    ...(diagnosis?.remedy || diagnosis?.section ? [""] : []),
    `Run:       ${execution.name}${state.plan ? ` (${state.plan.mode})` : ""}`,
    `State:     ${where}`,
    `Error:     ${error?.Error ?? "unknown"}`,
    ...describeTeardown(state),
    // Of a run that broke off, a comparison with the quote says nothing.
    ...(diagnosis?.cost ? costLines({ ...state, cost: { ...diagnosis.cost, forecastErrorPercent: null } }) : []),
    `Log:       ${diagnosis?.log ?? "none"}`,
    ...(state.validation ? [`Results:   valid, at ${state.validation.results}`] : []),
    ...(isSeeded(state) ? ["", seededNotice] : []),
    ...(diagnosis && diagnosis.excerpt.length > 0
      ? ["", "The log's last lines:", ...diagnosis.excerpt.map((line) => `  ${line}`)]
      : []),
    "",
    `Start again, with the same input${again.isSame ? "" : ", but without the cluster that is gone"}:`,
    `  ${restartCommand(again.input, execution.id)}`,
    "",
    ...links(execution.id, clusterIds(state)),
  ];
  const urgent = mayBeRunning(state) ? "CLUSTER MAY BE RUNNING, " : "";
  return {
    subject: subjectLine(`Orchard: ${urgent}${execution.name} FAILED in ${where}: ${error?.Error ?? "unknown"}`),
    message: lines.join("\n"),
  };
}

/** An execution that ended without its own last states, as DescribeExecution gives it. */
export interface Stopped {
  readonly executionArn: string;
  readonly name: string;
  readonly status: "ABORTED" | "TIMED_OUT" | "FAILED";
  readonly error: string;
  readonly cause: string;
  /** JSON */
  readonly input: string;
}

function howItEnded({ status, error, cause }: Stopped): string {
  const why = [error, cause].filter((text) => text !== "").join(": ");
  if (status === "ABORTED") return `The execution was stopped${why ? `: ${why}` : ""}`;
  if (status === "TIMED_OUT") return "The execution did not end within its time limit";
  return why;
}

/** The mail about a run that was stopped, ran out of time or failed beyond any Catch. */
export function stoppedMail(
  stopped: Stopped,
  { ours: clusters, failures }: Pick<FoundClusters, "ours" | "failures">,
): Mail {
  const { executionArn, name, status, input } = stopped;
  const ids = clusters.flatMap(({ Id }) => Id ?? []);
  const borrowed = borrowedByInput(input);
  const alive = clusters.filter((cluster) => !isGone(stateOf(cluster))).flatMap(({ Id }) => Id ?? []);
  const lines = [
    howItEnded(stopped),
    "",
    `Run:       ${name}`,
    `Status:    ${status}`,
    ...(failures.length > 0
      ? ["Cluster:   one may be alive: EMR did not answer. Look: aws emr list-clusters --active"]
      : []),
    ...borrowed,
    ...clusters.map((cluster) => `Cluster:   ${cluster.Id}, ${stateOf(cluster)}`),
    // RunJobFlow may have been in flight when the execution ended, and takes effect after this mail.
    ...(alive.length === 0 && failures.length === 0 && borrowed.length === 0
      ? [
          `Cluster:   ${clusters.length === 0 ? "none was found; " : ""}one that was just being created is ended by the sweep within 15 minutes`,
        ]
      : []),
    ...(alive.length > 0
      ? [
          "           It is being ended now. The sweep looks again every 15 minutes, and ends one that was just being created.",
          "           To be sure:",
          `           aws emr terminate-clusters --cluster-ids ${alive.join(" ")}`,
        ]
      : []),
    `See:       ${troubleshooting("a-cluster-is-left")}`,
    "",
    "Start again, with the same input:",
    `  ${restartCommand(input, executionArn)}`,
    "",
    ...links(executionArn, ids),
  ];
  return { subject: subjectLine(`Orchard: ${name} ${status}`), message: lines.join("\n") };
}
