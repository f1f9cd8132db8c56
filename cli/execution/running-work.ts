import { paginateListExecutions, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { isNamed } from "../../lambdas/aws/errors.ts";
import { waitUntil } from "../../shared/wait-until.ts";
import type { Clients } from "../account/aws-clients.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import {
  type AliveCluster,
  describeAlive,
  elapsedSince,
  findAliveClusters,
  pollMs,
  requestEnd,
  waitForEnd,
} from "./alive-clusters.ts";

export interface RunningExecution {
  readonly arn: string;
  readonly name: string;
  readonly startedAt: Date | undefined;
}

/** The executions and clusters of a deployment that are running and may cost money. */
export interface Running {
  readonly executions: readonly RunningExecution[];
  readonly clusters: readonly AliveCluster[];
}

/**
 * Finds the RUNNING executions of the deployment's state machine, and every active cluster of this application in the
 * region, except those of another live deployment.
 *
 * @param stateMachineArn undefined when there is no deployment
 */
export async function findRunning(clients: Clients, stateMachineArn: string | undefined): Promise<Running> {
  return {
    executions: stateMachineArn === undefined ? [] : await listRunningExecutions(clients, stateMachineArn),
    clusters: await findAliveClusters(clients, stateMachineArn),
  };
}

async function listRunningExecutions({ sfn }: Clients, stateMachineArn: string): Promise<readonly RunningExecution[]> {
  const found: RunningExecution[] = [];
  try {
    const pages = paginateListExecutions({ client: sfn }, { stateMachineArn, statusFilter: "RUNNING" });
    for await (const { executions = [] } of pages) {
      for (const { executionArn: arn = "", name = "", startDate } of executions) {
        found.push({ arn, name, startedAt: startDate });
      }
    }
  } catch (error) {
    // After a deletion that failed halfway, the stack may be left without its state machine.
    if (!isNamed(error, "StateMachineDoesNotExist")) throw error;
    return [];
  }
  return found;
}

export function isIdle({ executions, clusters }: Running): boolean {
  return executions.length + clusters.length === 0;
}

/** Describes each execution and cluster in a line. */
export function describeRunning({ executions, clusters }: Running): readonly string[] {
  return [
    ...executions.map(({ name, startedAt }) => `execution ${name} is RUNNING${elapsedSince(startedAt)}`),
    ...clusters.map(describeAlive),
  ];
}

/** Repeats a check for running work once, because ListExecutions may miss an execution that has just started. */
export async function checkTwice({ signal }: Lifetime, check: () => Promise<unknown>): Promise<void> {
  let checks = 0;
  const wasIdleTwice = async (): Promise<boolean> => {
    await check();
    checks += 1;
    return checks === 2;
  };
  await waitUntil(wasIdleTwice, { everyMs: pollMs, signal });
}

/**
 * Stops the executions, terminates the clusters, and waits until all have ended.
 *
 * @param log receives the current activity
 * @throws CommandFailed when they have not ended after 20 minutes
 */
export async function stopRunning(
  lifetime: Lifetime,
  clients: Clients,
  stateMachineArn: string | undefined,
  log: (line: string) => void,
): Promise<void> {
  let lines: readonly string[] = [];
  let idleChecks = 0;
  // Check twice: a cluster that was being created when its execution stopped appears a moment later.
  const hasEnded = async (): Promise<boolean> => {
    const running = await findRunning(clients, stateMachineArn);
    idleChecks = isIdle(running) ? idleChecks + 1 : 0;
    if (idleChecks === 2) return true;
    lines = describeRunning(running);
    log(lines.join("; ") || "nothing is running any more");
    await stopAll(clients, running);
    return false;
  };
  await waitForEnd(
    lifetime,
    hasEnded,
    (minutes) => `Some executions or clusters are still running after ${minutes} minutes:\n  ${lines.join("\n  ")}`,
  );
}

async function stopAll(clients: Clients, { executions, clusters }: Running): Promise<void> {
  const reason = { error: "Stopped", cause: "A deployment or its removal was asked to stop running executions." };
  for (const { arn } of executions) {
    try {
      await clients.sfn.send(new StopExecutionCommand({ executionArn: arn, ...reason }));
    } catch (error) {
      // The execution has ended since it was listed, because its state machine was deleted.
      if (!isNamed(error, "ExecutionDoesNotExist", "StateMachineDoesNotExist")) throw error;
    }
  }
  await requestEnd(clients, clusters);
}
