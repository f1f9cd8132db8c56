import { isAlive } from "../aws/cluster-states.ts";
import type { Execution } from "../contract/execution.ts";
import { shortCause } from "../contract/failure.ts";
import { troubleshootingLink } from "../contract/sections.ts";
import { seededWarning } from "../contract/seeded-weights.ts";
import type { PartialState } from "../contract/state-data.ts";
import {
  clusterIdsOf,
  consoleLinks,
  costLines,
  isSeeded,
  messageOf,
  startCommand,
  subjectLine,
  terminateCommand,
} from "./formatting.ts";
import { inputToStartAgain, reusedClusterLines } from "./kept.ts";
import type { Mail } from "./sending.ts";

/** Whether the diagnosis saw a cluster alive after the teardown: EMR had not listed it when the teardown looked. */
function wasMissedByTeardown({ diagnosis }: PartialState): boolean {
  return isAlive(diagnosis?.cluster?.state);
}

/** Whether a cluster of the run may still be alive. Before the scripts are uploaded, no cluster can exist. */
function mayBeRunning(state: PartialState): boolean {
  return (
    (state.teardownError !== undefined || wasMissedByTeardown(state)) &&
    state.scripts !== undefined &&
    !state.plan?.borrowed
  );
}

function runningClusterLines({ teardownError }: PartialState, ids: readonly string[]): readonly string[] {
  const reason = teardownError ? `the teardown failed: ${teardownError.Error}` : "the teardown did not find it";
  return [
    `Cluster:   MAY STILL BE RUNNING AND COST MONEY (${ids.join(", ") || "id unknown"}); ${reason}`,
    ids.length > 0
      ? `End it:    ${terminateCommand(ids)}`
      : `Find it:   aws emr list-clusters --active, then: ${terminateCommand(["<id>"])}`,
    `See:       ${troubleshootingLink("a-cluster-is-left")}`,
  ];
}

function clusterLines(state: PartialState): readonly string[] {
  const ids = clusterIdsOf(state);
  if (state.plan?.borrowed) return reusedClusterLines(state.plan.borrowed, state);
  if (mayBeRunning(state)) return runningClusterLines(state, ids);
  const end = state.diagnosis?.cluster?.state === "TERMINATING" ? "being terminated" : "terminated";
  if (ids.length > 0) return [`Cluster:   ${ids.join(", ")}, ${end}`];
  // CreateCluster may have created a cluster that is gone by now, so do not claim that none was created.
  return [`Cluster:   ${state.scripts === undefined ? "none was created" : "none is left"}`];
}

function helpLines({ diagnosis }: PartialState): readonly string[] {
  const lines = [
    ...(diagnosis?.remedy ? [`Do this:   ${diagnosis.remedy}`] : []),
    ...(diagnosis?.section ? [`See:       ${troubleshootingLink(diagnosis.section)}`] : []),
  ];
  return lines.length > 0 ? [...lines, ""] : [];
}

function causeOf({ diagnosis, error }: PartialState): string {
  return shortCause(diagnosis?.cause || error?.Cause || "no cause is known");
}

function startAgainLines(state: PartialState, executionArn: string): readonly string[] {
  // TakeInput has failed, most probably because the input is too large: it would be refused again.
  if (state.input === undefined) return [];
  const again = inputToStartAgain(state);
  return [
    `Start again, with the same input${again.isSame ? "" : ", but without the cluster that is gone"}:`,
    `  ${startCommand(again.input, executionArn)}`,
    "",
  ];
}

/** Writes the mail about a failed run. Its first line names the failed state and the cause, then it says what to do. */
export function failureMail(state: PartialState, execution: Execution): Mail {
  const { diagnosis, error, plan, validation } = state;
  const failedState = diagnosis?.state ?? "an unknown state";
  const errorName = error?.Error ?? "unknown";
  const lines = [
    `${failedState} failed: ${causeOf(state)}`,
    "",
    ...helpLines(state),
    `Run:       ${execution.name}${plan ? ` (${plan.mode})` : ""}`,
    `State:     ${failedState}`,
    `Error:     ${errorName}`,
    ...clusterLines(state),
    // The quote is for a complete run, so a comparison would mean nothing here.
    ...(diagnosis?.cost
      ? costLines({ ...state, cost: { ...diagnosis.cost, forecastErrorPercent: null } }, execution.id)
      : []),
    `Log:       ${diagnosis?.log ?? "none"}`,
    ...(validation ? [`Results:   valid, at ${validation.results}`] : []),
    ...(isSeeded(state) ? ["", seededWarning] : []),
    ...(diagnosis && diagnosis.excerpt.length > 0
      ? ["", "The log's last lines:", ...diagnosis.excerpt.map((line) => `  ${line}`)]
      : []),
    "",
    ...startAgainLines(state, execution.id),
    ...consoleLinks(execution.id, clusterIdsOf(state)),
  ];
  const alarm = mayBeRunning(state) ? "CLUSTER MAY BE RUNNING, " : "";
  return {
    subject: subjectLine(`Orchard: ${alarm}${execution.name} FAILED in ${failedState}: ${errorName}`),
    message: messageOf(lines),
  };
}
