import type { Stack } from "@aws-sdk/client-cloudformation";
import { describeError } from "../../lambdas/aws/errors.ts";
import type { Clients } from "../account/aws-clients.ts";
import {
  type AliveCluster,
  describeAlive,
  endAliveClusters,
  findAliveClusters,
  requestEnd,
} from "../execution/alive-clusters.ts";
import { checkTwice, describeRunning, findRunning, isIdle, stopRunning } from "../execution/running-work.ts";
import { CommandFailed, messageOf, UsageError } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { type Reporter, runSteps, type Step } from "../terminal/progress-steps.ts";
import { closeDeployment, reopenDeployment } from "./closed-deployment.ts";
import { deleteStack } from "./delete-stacks.ts";

export interface Removal {
  readonly clients: Clients;
  /** Undefined when the stack never had a state machine. */
  readonly stateMachineArn: string | undefined;
  /** The data bucket, in which Preflight looks for the marker; undefined when the stack never had one. */
  readonly bucket: string | undefined;
  /** In the order in which they can be deleted. */
  readonly stacks: readonly Stack[];
  /** Whether executions may be stopped and clusters terminated. */
  readonly mayStop: boolean;
  /** Steps after everything else. */
  readonly lastSteps: readonly Step[];
  /** The command that goes on after an interruption. */
  readonly sameCommand: string;
}

/**
 * @param mayStop whether the user gave --stop-running
 * @throws UsageError when an execution or a cluster is running and may not be stopped
 */
export async function requireIdle({
  clients,
  stateMachineArn,
  mayStop,
}: Pick<Removal, "clients" | "stateMachineArn" | "mayStop">): Promise<void> {
  const running = await findRunning(clients, stateMachineArn);
  if (mayStop || isIdle(running)) return;
  const lines = describeRunning(running).map((line) => `  ${line}`);
  throw new UsageError(
    `These executions and clusters are still running:\n${lines.join("\n")}\nWait until they have ended, or pass --stop-running, which stops the executions, terminates the clusters and waits for that first.`,
  );
}

/**
 * Removes a deployment: refuses new runs, ends executions and clusters, deletes the stacks, and looks for clusters again.
 * It looks for clusters even after a failure.
 *
 * @param quiet shows no progress
 * @throws UsageError when something runs that may not be stopped; then the deployment is open as before
 * @throws CommandFailed with the first failure, and the clusters that are alive
 */
export async function removeDeployment(lifetime: Lifetime, removal: Removal, quiet: boolean): Promise<void> {
  const { bucket, clients, stateMachineArn, stacks, mayStop, lastSteps } = removal;
  let isClosed = false;
  let mayEnd = false;
  let isDeleting = false;
  const left = new Set(stacks.map(({ StackName = "" }) => StackName));
  const takeBack = lifetime.announce(() => describeInterruption(removal, [...left], isDeleting));
  const closeFirst = async (): Promise<void> => {
    if (bucket !== undefined) await closeDeployment(clients, bucket);
    isClosed = true;
  };
  const stop = async ({ status }: Reporter): Promise<void> => {
    mayEnd = mayStop;
    if (mayStop) return stopRunning(lifetime, clients, stateMachineArn, status);
    await checkTwice(lifetime, () => requireIdle(removal));
  };
  const remove = async (stack: Stack, { status }: Reporter): Promise<void> => {
    // From here on, the functions that end clusters may be gone.
    mayEnd = true;
    isDeleting = true;
    await deleteStack(lifetime, clients, stack, status);
    left.delete(stack.StackName ?? "");
  };
  const endLateClusters = async ({ status, title }: Reporter): Promise<void> => {
    const ids = await endAliveClusters(lifetime, clients, stateMachineArn, status);
    if (ids.length > 0) title(`Clusters that began meanwhile: ${ids.join(", ")} ended`);
    takeBack();
  };
  const steps: readonly Step[] = [
    { title: "New runs: refused", run: closeFirst },
    { title: "What runs", run: stop },
    ...stacks.map((stack) => ({
      title: `Stack ${stack.StackName}`,
      run: (reporter: Reporter) => remove(stack, reporter),
    })),
    { title: "Clusters that began meanwhile: none", run: endLateClusters },
    ...lastSteps,
  ];
  try {
    await runSteps(lifetime, steps, quiet);
  } catch (error) {
    if (lifetime.interrupted) throw error;
    if (error instanceof UsageError) {
      // Nothing was removed.
      const failure = bucket === undefined ? "" : await reopenDeployment(clients, bucket);
      takeBack();
      throw new UsageError(`${error.message}${failure}`, { cause: error });
    }
    const lines = [messageOf(error), await dealWithClusters(removal, mayEnd), ...(isClosed ? [howToGoOn] : [])];
    takeBack();
    throw new CommandFailed(lines.join("\n"), { cause: error });
  }
}

/** @param left names of the stacks that may still exist */
function describeInterruption({ bucket, sameCommand }: Removal, left: readonly string[], isDeleting: boolean): string {
  if (left.length === 0) return `Interrupted. ${leftClusters} Go on with: ${sameCommand}`;
  const found = `Interrupted. ${left.join(", ")}, executions, and clusters that cost money may still be there.`;
  if (bucket === undefined) return `${found} Go on with: ${sameCommand}`;
  const closed = isDeleting
    ? "No run can start."
    : "No run can start until `orchard deploy` opens the deployment, or `orchard destroy` removes it.";
  return `${found} ${closed} Go on with: ${sameCommand}`;
}

/** Warns at an interruption when no stack is left. */
export const leftClusters = "Clusters without a stack may still be there and cost money.";

const howToGoOn =
  "No run can start now. Mend the cause and destroy again; `orchard deploy` opens a deployment of which nothing was removed.";

/**
 * Looks for clusters after a failure, and terminates them.
 *
 * @param mayEnd false as long as nothing was stopped or removed
 * @returns what is alive, or why that is not known
 */
async function dealWithClusters({ clients, stateMachineArn }: Removal, mayEnd: boolean): Promise<string> {
  let clusters: readonly AliveCluster[];
  try {
    clusters = await findAliveClusters(clients, stateMachineArn);
  } catch (error) {
    return `It is not known whether clusters are alive: ${describeError(error)}. Look with: aws emr list-clusters --active`;
  }
  if (clusters.length === 0) return "No cluster is alive.";
  const lines = clusters.map((cluster) => `\n  ${describeAlive(cluster)}`).join("");
  if (!mayEnd) return `These clusters are alive:${lines}`;
  try {
    await requestEnd(clients, clusters);
    return `These clusters were alive, and EMR was asked to terminate them:${lines}`;
  } catch (error) {
    return `These clusters are alive:${lines}\n${messageOf(error)}`;
  }
}
