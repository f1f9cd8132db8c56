import type { Cluster } from "../account/cluster.ts";
import type { Execution } from "../account/execution.ts";
import type { Mail } from "../account/records.ts";
import type { Simulation } from "../account/simulation.ts";
import type { Fault } from "../scenarios/failures.ts";
import { layers } from "./layers.ts";
import {
  areOvercomeByRetries,
  cleanUp,
  clustersOf,
  completedRuns,
  deliveriesInTime,
  type ExecutionRun,
  faultsIn,
  hasFault,
  runsOf,
  wasInterrupted,
  wasSkipped,
} from "./runs.ts";
import { squeeze } from "./squeeze.ts";

/** Attempts of NotifySuccess and NotifyFailure. */
const notifyAttempts = 6;

function isByLayer({ by }: Mail): boolean {
  return by.state in layers;
}

/** Returns the bounds for a completed run's number of mails. Faults before sending prevent mails, later ones repeat them. */
function expectedMails(simulation: Simulation, run: ExecutionRun): readonly [least: number, most: number] {
  const { execution, history, number } = run;
  // A redrive of the last state has no task left, because an earlier run sent the mail.
  const hasNoTask = history.every(({ type }) => !type.startsWith("Task"));
  if (wasSkipped(run) || (hasNoTask && number > 0)) return [0, 0];
  const notifyStates = new Set(history.flatMap(({ state = "" }) => (state.startsWith("Notify") ? state : [])));
  const faults = [...notifyStates].flatMap((state) => faultsIn(simulation, execution, state));
  const count = (isSent: boolean) =>
    faults.filter(({ failure }) => (failure.when !== "before") === isSent).reduce((sum, { times }) => sum + times, 0);
  return [count(false) < notifyAttempts ? 1 : 0, 1 + count(true)];
}

/** Returns the mails of a run: its own, and those that a layer sent after the run and before the next redrive. */
function mailsOf({ mails }: Simulation, { execution, endedAt, number, until }: ExecutionRun): readonly Mail[] {
  return mails.filter((mail) => {
    const isOfRun = isByLayer(mail) ? mail.at >= endedAt : mail.by.run === number;
    return mail.by.execution === execution.name && isOfRun && mail.at < until;
  });
}

/** Checks number and content of the mails of a run that reached one of its own final states. */
function completedRunProblems(simulation: Simulation, run: ExecutionRun): string[] {
  const { execution, name } = run;
  const mails = mailsOf(simulation, run);
  const clusters = clustersOf(simulation, run);
  const isAlarm = ({ subject }: Mail) => subject.includes("MAY BE RUNNING");
  const namesRisk = (mail: Mail) => isAlarm(mail) || /CLUSTER \S+ IS KEPT /.test(mail.message);
  const mayPreventEnd = ({ state, operation }: Fault) =>
    [cleanUp, "ConfirmTerminated"].includes(state) || /^(shutdown|protection):/.test(operation);
  const silent = mails.filter((mail) => mail.alive.some((one) => clusters.includes(one)) && !namesRisk(mail));
  const falseAlarms = mails.filter((mail) => isAlarm(mail) && !hasFault(simulation, execution, mayPreventEnd));
  const [least, most] = expectedMails(simulation, run);
  return [
    ...(mails.length >= least && mails.length <= most ? [] : [`${name} ended with ${mails.length} mails`]),
    ...silent.map(({ subject }) => `"${subject}" does not say that a cluster of ${name} may be running`),
    ...falseAlarms.map(({ subject }) => `"${subject}" although nothing kept the cluster from ending`),
  ];
}

/** Returns the clusters that a layer's mail should name but omits. For those created later, a general remark is enough. */
function omittedClusters(simulation: Simulation, { name, runs }: Execution, mail: Mail): readonly Cluster[] {
  const { message, at, alive } = mail;
  const run = runs.findLast(({ endedAt }) => endedAt <= at);
  if (run === undefined || message.includes("EMR did not answer")) return [];
  const isLater = ({ Status: { Timeline: timeline } }: Cluster) => 1000 * timeline.CreationDateTime > run.endedAt;
  const createdLater = simulation.creations.flatMap(({ cluster, by }) =>
    by.execution === name && by.run === run.number && isLater(cluster) ? cluster : [],
  );
  const mentionsLater = message.includes("one that was just being created");
  const toMention = [...alive.filter((cluster) => !isLater(cluster)), ...(mentionsLater ? [] : createdLater)];
  return toMention.filter(({ Id: id }) => !message.includes(id));
}

/** Checks the mails about interrupted runs: at least one if an event came in time, and at most one for each event. */
function interruptedRunProblems(simulation: Simulation, execution: Execution): string[] {
  const { name } = execution;
  const mails = simulation.mails.filter((mail) => mail.by.execution === name && isByLayer(mail));
  const incomplete = mails
    .filter((mail) => omittedClusters(simulation, execution, mail).length > 0)
    .map(({ message }) => `the mail about ${name} omits a cluster: ${squeeze(message)}`);
  if (!areOvercomeByRetries(faultsIn(simulation, execution, "layer 2"))) return incomplete;
  const unreported = runsOf(execution).filter((run) => {
    const isReported = mails.some(({ at }) => at >= run.endedAt && at < run.until);
    return wasInterrupted(simulation, run) && deliveriesInTime(simulation, run).length > 0 && !isReported;
  });
  const events = simulation.endDeliveries.filter((one) => one.execution === name);
  return [
    ...incomplete,
    ...unreported.map((run) => `no mail says that ${run.name} is ${run.outcome.status}`),
    ...(mails.length > events.length ? [`${name}: ${mails.length} mails for ${events.length} events`] : []),
  ];
}

/** Each run sends one final mail, more only if an answer was lost, and the mail is true about the cluster. */
export function oneTrueMail(simulation: Simulation): string[] {
  return [
    ...completedRuns(simulation).flatMap((run) => completedRunProblems(simulation, run)),
    ...simulation.executions.flatMap((execution) => interruptedRunProblems(simulation, execution)),
  ];
}
