import type { Cluster } from "../account/cluster.ts";
import type { Execution } from "../account/execution.ts";
import type { Mail } from "../account/records.ts";
import type { Simulation } from "../account/simulation.ts";
import type { Fault } from "../scenarios/failures.ts";
import { layers } from "./layers.ts";
import {
  cleanUp,
  clustersOf,
  deliveriesInTime,
  type ExecutionRun,
  faultsIn,
  hasFault,
  isWellInTheEnd,
  runsEndedByItself,
  runsOf,
  wasCutOff,
  wasSkipped,
} from "./runs.ts";
import { squeeze } from "./squeeze.ts";

/** The states that notify are tried six times. */
const notifyAttempts = 6;

function isByLayer({ by }: Mail): boolean {
  return by.state in layers;
}

/** The least and the most closing mails of a run: none only if every attempt can fail, more than one only if the answer to a sent mail was lost. */
function mailsOf(simulation: Simulation, { execution, history }: ExecutionRun): readonly [number, number] {
  const entered = new Set(history.flatMap(({ state = "" }) => (state.startsWith("Notify") ? state : [])));
  const faults = [...entered].flatMap((state) => faultsIn(simulation, execution, state));
  const times = (isSent: boolean) =>
    faults.filter(({ failure }) => (failure.when !== "before") === isSent).reduce((sum, fault) => sum + fault.times, 0);
  return [times(false) < notifyAttempts ? 1 : 0, 1 + times(true)];
}

/** Checks the mails of a run that reached its own last states. A run that began in the last state sent its mail before. */
function ownNotification(simulation: Simulation, run: ExecutionRun): string[] {
  const { execution, name } = run;
  const mails = simulation.mails.filter((mail) => {
    return (
      mail.by.execution === execution.name && (isByLayer(mail) ? mail.at >= run.endedAt : mail.by.run === run.number)
    );
  });
  const sent = mails.filter((mail) => mail.at < run.until);
  const isAlarm = ({ subject }: Mail) => subject.includes("MAY BE RUNNING");
  const had = clustersOf(simulation, run);
  const isSaid = (mail: Mail) => isAlarm(mail) || mail.message.includes("IS KEPT AND COSTS MONEY");
  const untrue = sent.filter((mail) => mail.alive.some((one) => had.includes(one)) && !isSaid(mail));
  const isEndingHit = ({ state, operation }: Fault) =>
    [cleanUp, "ConfirmTerminated"].includes(state) || /^(shutdown|protection):/.test(operation);
  const falseAlarms = sent.filter((mail) => isAlarm(mail) && !hasFault(simulation, execution, isEndingHit));
  const isAfterwards = run.history.every(({ type }) => !type.startsWith("Task"));
  const isDue = !wasSkipped(run) && !(isAfterwards && run.number > 0);
  const [least, most] = isDue ? mailsOf(simulation, run) : [0, 0];
  return [
    ...(sent.length >= least && sent.length <= most ? [] : [`${name} ended with ${sent.length} notifications`]),
    ...untrue.map(({ subject }) => `"${subject}" does not say that a cluster of ${name} may be running`),
    ...falseAlarms.map(({ subject }) => `"${subject}" although nothing kept the cluster from ending`),
  ];
}

/** The clusters that a layer's mail omits: those alive when the run ended, and those created later, unless the mail says that one may exist. */
function concealed(simulation: Simulation, execution: Execution, { message, at, alive }: Mail): readonly Cluster[] {
  const run = execution.runs.findLast(({ endedAt }) => endedAt <= at);
  if (run === undefined || message.includes("EMR did not answer")) return [];
  const isLate = ({ Status: { Timeline: timeline } }: Cluster) => 1000 * timeline.CreationDateTime > run.endedAt;
  const isLateSaid = message.includes("one that was just being created");
  const made = simulation.creations.flatMap(({ cluster, by }) =>
    by.execution === execution.name && by.run === run.number && isLate(cluster) ? cluster : [],
  );
  return [...alive.filter((one) => !isLate(one)), ...(isLateSaid ? [] : made)].filter(
    ({ Id: id }) => !message.includes(id),
  );
}

/** Checks the mails about a run that could not send its own: at least one if its event came in time, and at most one for each event. EventBridge may deliver an event twice. */
function stoppedNotification(simulation: Simulation, execution: Execution): string[] {
  const { name } = execution;
  const mails = simulation.mails.filter((mail) => mail.by.execution === name && isByLayer(mail));
  const untrue = mails
    .filter((mail) => concealed(simulation, execution, mail).length > 0)
    .map(({ message }) => `the mail about ${name} conceals a cluster: ${squeeze(message)}`);
  const endings = simulation.endDeliveries.filter((one) => one.execution === name);
  if (!isWellInTheEnd(faultsIn(simulation, execution, "layer 2"))) return untrue;
  const silent = runsOf(execution).filter((run) => {
    const isTold = mails.some(({ at }) => at >= run.endedAt && at < run.until);
    return wasCutOff(simulation, run) && deliveriesInTime(simulation, run).length > 0 && !isTold;
  });
  return [
    ...untrue,
    ...silent.map((run) => `no mail says that ${run.name} is ${run.outcome.status}`),
    ...(mails.length > endings.length ? [`${name}: ${mails.length} mails for ${endings.length} events`] : []),
  ];
}

/** Each run has one closing mail, more only where an answer was lost, and the mail is true about the cluster. */
export function oneTrueNotification(simulation: Simulation): string[] {
  return [
    ...runsEndedByItself(simulation).flatMap((run) => ownNotification(simulation, run)),
    ...simulation.executions.flatMap((execution) => stoppedNotification(simulation, execution)),
  ];
}
