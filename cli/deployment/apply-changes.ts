import { GetTemplateCommand, type Stack } from "@aws-sdk/client-cloudformation";
import type { Target } from "../account/deployment-target.ts";
import { checkTwice, describeRunning, findRunning, isIdle, stopRunning } from "../execution/running-work.ts";
import { CommandFailed, messageOf, UsageError } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { type Reporter, runSteps, type Step } from "../terminal/progress-steps.ts";
import type { Cdk } from "./cdk-command.ts";
import { closeDeployment, reopenDeployment } from "./closed-deployment.ts";
import { deleteStack } from "./delete-stacks.ts";
import { deployStacks, describeStack, readDeployment } from "./deployed-stacks.ts";
import { incompatibleChanges, type StackTemplate } from "./incompatible-changes.ts";

/** The changes of a deployment to an account. */
export interface Changes {
  readonly target: Target;
  readonly cdk: Pick<Cdk, "bootstrap" | "deploy" | "synth" | "templates">;
  /** Names of the synthesized stacks. */
  readonly stacks: readonly string[];
  /** Deployed stacks that the current configuration does not contain. They cost money without being used. */
  readonly leftOver: readonly Stack[];
  /** Whether executions may be stopped and clusters terminated. */
  readonly mayStop: boolean;
}

/**
 * Checks that no execution or cluster is running that the changes could affect.
 *
 * @throws UsageError when one is running and may not be stopped
 */
export async function requireNoBlockers(changes: Changes): Promise<void> {
  const { target, mayStop } = changes;
  const deployment = await readDeployment(target.clients);
  if (!deployment || mayStop) return;
  const running = await findRunning(target.clients, deployment.stateMachineArn);
  if (isIdle(running)) return;
  const affecting = await findIncompatible(changes);
  if (affecting.length > 0) throw new UsageError(describeBlockers([...describeRunning(running), ...affecting]));
}

/** Lists the changes that could affect running executions or clusters, one per line. */
async function findIncompatible({ target: { clients }, cdk, leftOver }: Changes): Promise<readonly string[]> {
  const removed = leftOver.map(({ StackName = "" }): [string, StackTemplate] => [StackName, {}]);
  const changes: string[] = [];
  for (const [StackName, wanted] of [...cdk.templates(), ...removed]) {
    if (!(await describeStack(clients, StackName))) continue;
    const { TemplateBody = "{}" } = await clients.cloudFormation.send(new GetTemplateCommand({ StackName }));
    changes.push(...incompatibleChanges(JSON.parse(TemplateBody), wanted));
  }
  return changes.map((change) => `this deploy ${change}`);
}

function describeBlockers(blockers: readonly string[]): string {
  return `These executions and clusters may need what this deploy changes:\n${blockers.map((line) => `  ${line}`).join("\n")}\nWait until they have ended, or pass --stop-running, which stops the executions, terminates the clusters and waits for both to end first.`;
}

/**
 * Deploys the stacks and removes those that are left over. New runs are refused while resources of a run change.
 *
 * @param quiet shows no progress
 * @throws UsageError when the changes could affect something that runs and may not be stopped
 */
export async function applyChanges(lifetime: Lifetime, changes: Changes, quiet: boolean): Promise<void> {
  const { target, cdk, stacks, leftOver } = changes;
  const { clients } = target;
  let closedBucket: string | undefined;
  let takeBack = (): void => undefined;
  const stopBlockers = async ({ status }: Reporter): Promise<void> => {
    const deployment = await readDeployment(clients);
    if (!deployment || (await findIncompatible(changes)).length === 0) return;
    // Check again before a run is refused: an execution may have started while the question was open.
    await requireNoBlockers(changes);
    closedBucket = deployment.bucket;
    takeBack = lifetime.announce(
      () =>
        "Interrupted. CloudFormation may go on with a change, and no run can start until `orchard deploy` succeeds.",
    );
    await closeDeployment(clients, deployment.bucket);
    if (changes.mayStop) await stopRunning(lifetime, clients, deployment.stateMachineArn, status);
    else await checkTwice(lifetime, () => requireNoBlockers(changes));
  };
  const steps: readonly Step[] = [
    { title: "What runs", run: stopBlockers },
    { title: `Deployment of ${stacks.join(", ")}`, run: ({ status }) => deployStacks(cdk, target, status) },
    // Remove these last, because other stacks may import from them until the deployment is done.
    ...leftOver.map((stack) => ({
      title: `Removal of ${stack.StackName}`,
      run: ({ status }: Reporter) => deleteStack(lifetime, clients, stack, status),
    })),
  ];
  try {
    await runSteps(lifetime, steps, quiet);
    takeBack();
  } catch (error) {
    if (lifetime.interrupted || closedBucket === undefined) throw error;
    const failure = await reopenDeployment(clients, closedBucket);
    takeBack();
    if (failure === "") throw error;
    const message = `${messageOf(error)}${failure}`;
    throw error instanceof UsageError ? new UsageError(message) : new CommandFailed(message, { cause: error });
  }
}
