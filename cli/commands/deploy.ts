import { join } from "node:path";
import { GetTemplateCommand, type Stack } from "@aws-sdk/client-cloudformation";
import { Command } from "@commander-js/extra-typings";
import type { Config } from "../../infra/config/knobs.ts";
import type { Clients } from "../account/aws-clients.ts";
import type { Target } from "../account/deployment-target.ts";
import { addTargetOptions, openChosenTarget, type TargetOptions } from "../account/target-options.ts";
import { Cdk, type Difference } from "../deployment/cdk-command.ts";
import { openDeployment } from "../deployment/closed-deployment.ts";
import { addConfigOptions, type ConfigOptions, contextOf, readConfig } from "../deployment/config-options.ts";
import { deleteStack, findStacks } from "../deployment/delete-stacks.ts";
import {
  deployStacks,
  describeStack,
  outputsOf,
  readDeployment,
  requireDeployment,
} from "../deployment/deployed-stacks.ts";
import { incompatibleChanges, type StackTemplate } from "../deployment/incompatible-changes.ts";
import { makeWheelhouse } from "../deployment/make-wheelhouse.ts";
import { describeRunning, findRunning, isIdle, stopRunning } from "../execution/running-work.ts";
import { UsageError } from "../terminal/command-errors.ts";
import { groups } from "../terminal/command-groups.ts";
import { requireConfirmed, requireTerminal } from "../terminal/confirm.ts";
import { formatDuration } from "../terminal/format-duration.ts";
import { type Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { type Reporter, runSteps, type Step } from "../terminal/progress-steps.ts";
import { readModelInfo, seededWarning } from "../toolchain/model-info.ts";
import { places } from "../toolchain/places.ts";

interface DeployOptions extends ConfigOptions, TargetOptions {
  readonly stopRunning: boolean;
  readonly yes: boolean;
  readonly json: boolean;
}

export const command = addTargetOptions(
  addConfigOptions(
    new Command("deploy")
      .helpGroup(groups.setUp)
      .summary("deploy the workflow to an AWS account")
      .description("deploy to an AWS account: shows the differences and asks"),
  )
    .option("--stop-running", "stop executions and end clusters that the changes could reach, and wait for it", false)
    .option("-y, --yes", "do not ask", false)
    .option("--json", "print one JSON object and nothing else; needs --yes", false)
    .addHelpText("after", "\nExample:\n  orchard deploy --profile sandbox --region eu-west-1 --email you@example.org"),
).action((options) => withLifetime((lifetime) => deployTo(lifetime, options)));

async function deployTo(lifetime: Lifetime, options: DeployOptions): Promise<void> {
  const { yes, json } = options;
  requireTerminal(yes);
  const since = Date.now();
  const context = contextOf(options);
  const target = await openChosenTarget(options);
  const { account, region } = target;
  const config = readConfig(context, region);
  await requireNoHalfDeleted(target.clients);
  const cdk = new Cdk(lifetime, target, context, join(places.assemblies, `${account}-${region}`));
  const changes = await findChanges(lifetime, target, cdk, config, json);
  const removed = namesOf(changes.leftOver);
  if (!json) printChanges(changes);
  const changed = changes.difference.stacks > 0 || removed.length > 0;
  if (changed) {
    const checkBlockers = () => requireNoBlockers(target.clients, cdk, removed, options.stopRunning);
    await checkBlockers();
    await requireConfirmed(lifetime, `Deploy this to account ${account} in ${region}?`, yes, "Nothing was deployed.");
    await runSteps(lifetime, deploymentSteps(lifetime, target, cdk, changes, checkBlockers), json);
  }
  const deployment = await readDeployment(target.clients);
  if (deployment) await openDeployment(target.clients, deployment.bucket);
  await printOutcome(target, { stacks: changes.stacks, removed, changed }, options, since);
}

/** @throws UsageError when a stack's deletion has begun: CloudFormation only lets such a stack be deleted */
async function requireNoHalfDeleted(clients: Clients): Promise<void> {
  const stacks = (await findStacks(clients)).filter(({ StackStatus }) => StackStatus?.startsWith("DELETE_"));
  if (stacks.length === 0) return;
  const states = stacks.map(({ StackName, StackStatus }) => `the stack ${StackName} is ${StackStatus}`);
  throw new UsageError(
    `A removal has begun and is not complete: ${states.join(", ")}. First: orchard destroy. It keeps the data bucket.`,
  );
}

interface Changes {
  /** Names of the synthesized stacks. */
  readonly stacks: readonly string[];
  readonly difference: Difference;
  /** Deployed stacks that the current configuration does not contain. They cost money without being used. */
  readonly leftOver: readonly Stack[];
}

function namesOf(stacks: readonly Stack[]): readonly string[] {
  return stacks.map(({ StackName = "" }) => StackName);
}

/** Synthesizes the stacks and compares them with the deployed ones. */
async function findChanges(
  lifetime: Lifetime,
  { clients, account, region }: Target,
  cdk: Cdk,
  { architecture, wheelhouseFile }: Config,
  quiet: boolean,
): Promise<Changes> {
  let stacks: readonly string[] = [];
  let difference: Difference = { stacks: 0, text: "" };
  let leftOver: readonly Stack[] = [];
  const steps: Step[] = [
    { title: `Account ${account}, region ${region}`, run: async () => undefined },
    {
      title: `Wheels for ${architecture}`,
      run: async ({ status, title }) => {
        if (wheelhouseFile !== undefined) return title(`Wheels: ${wheelhouseFile}`);
        status("downloads what is missing");
        await makeWheelhouse(lifetime, architecture);
      },
    },
    {
      title: "Templates and functions",
      run: async () => {
        await cdk.synth();
        stacks = [...cdk.templates().keys()];
      },
    },
    {
      title: "Differences",
      run: async () => {
        difference = await cdk.diff();
        leftOver = (await findStacks(clients)).filter(({ StackName = "" }) => !stacks.includes(StackName));
      },
    },
  ];
  await runSteps(lifetime, steps, quiet);
  return { stacks, difference, leftOver };
}

function printChanges({ difference, leftOver }: Changes): void {
  process.stdout.write(`\n${difference.text}\n\n`);
  if (leftOver.length > 0) {
    process.stdout.write(`To be removed, because the configuration has none: ${namesOf(leftOver).join(", ")}\n\n`);
  }
}

/**
 * Checks whether the changes could affect running executions or clusters.
 *
 * @param removed names of the stacks that are to be removed
 * @param mayStop whether the user gave --stop-running
 * @returns whether executions or clusters have to be stopped first
 * @throws UsageError when there are some and they may not be stopped
 */
async function requireNoBlockers(
  clients: Clients,
  cdk: Cdk,
  removed: readonly string[],
  mayStop: boolean,
): Promise<boolean> {
  const emptyTemplates = removed.map((name): [string, StackTemplate] => [name, {}]);
  const blockers = await findBlockers(clients, new Map([...cdk.templates(), ...emptyTemplates]));
  if (blockers.length > 0 && !mayStop) throw new UsageError(describeBlockers(blockers));
  return blockers.length > 0;
}

/** @param checkBlockers returns whether executions or clusters have to be stopped first */
function deploymentSteps(
  lifetime: Lifetime,
  target: Target,
  cdk: Cdk,
  { stacks, leftOver }: Changes,
  checkBlockers: () => Promise<boolean>,
): readonly Step[] {
  const { clients } = target;
  const stopBlockers = async ({ status }: Reporter): Promise<void> => {
    // Check again: an execution may have started while the question was open.
    if (!(await checkBlockers())) return;
    const { stateMachineArn } = await requireDeployment(target);
    await stopRunning(lifetime, clients, stateMachineArn, status);
  };
  return [
    { title: "What runs", run: stopBlockers },
    { title: `Deployment of ${stacks.join(", ")}`, run: ({ status }) => deployStacks(cdk, target, status) },
    // These come last: only after the deployment, no stack imports from them any more.
    ...leftOver.map((stack) => ({
      title: `Removal of ${stack.StackName}`,
      run: ({ status }: Reporter) => deleteStack(lifetime, clients, stack, status),
    })),
  ];
}

/**
 * Describes the running executions and clusters together with the changes that could affect them, one per line. The list
 * is empty when there are none of either.
 *
 * @param templates the stacks' new templates by name; one without resources means that the stack is removed
 */
async function findBlockers(
  clients: Clients,
  templates: ReadonlyMap<string, StackTemplate>,
): Promise<readonly string[]> {
  const deployment = await readDeployment(clients);
  if (!deployment) return [];
  const running = await findRunning(clients, deployment.stateMachineArn);
  if (isIdle(running)) return [];
  const changes: string[] = [];
  for (const [StackName, wanted] of templates) {
    if (!(await describeStack(clients, StackName))) continue;
    const { TemplateBody = "{}" } = await clients.cloudFormation.send(new GetTemplateCommand({ StackName }));
    changes.push(...incompatibleChanges(JSON.parse(TemplateBody), wanted));
  }
  return changes.length === 0 ? [] : [...describeRunning(running), ...changes.map((change) => `this deploy ${change}`)];
}

function describeBlockers(blockers: readonly string[]): string {
  return `These executions and clusters may need what this deploy changes:\n${blockers.map((line) => `  ${line}`).join("\n")}\nWait until they have ended, or pass --stop-running, which stops the executions, terminates the clusters and waits for both to end first.`;
}

interface Outcome {
  readonly stacks: readonly string[];
  readonly removed: readonly string[];
  readonly changed: boolean;
}

/** Prints the stacks' outputs and the next commands, or one JSON object. */
async function printOutcome(
  { clients, account, region }: Target,
  { stacks, removed, changed }: Outcome,
  { email, json }: DeployOptions,
  since: number,
): Promise<void> {
  const seconds = (Date.now() - since) / 1_000;
  const outputs: Record<string, Readonly<Record<string, string>>> = {};
  for (const stack of stacks) outputs[stack] = outputsOf(await describeStack(clients, stack));
  if (json) {
    const outcome = { account, region, changed, stacks: outputs, removed, seconds };
    process.stdout.write(`${JSON.stringify(outcome, null, 2)}\n`);
    return;
  }
  const lines = Object.entries(outputs).flatMap(([stack, values]) =>
    Object.entries(values).map(([name, value]) => `${stack}.${name} = ${value}`),
  );
  const arn = (await readDeployment(clients))?.stateMachineArn;
  process.stdout.write(`
${changed ? `Deployed in ${formatDuration(seconds)}.` : "Nothing to do: everything is as it should be."}

${lines.join("\n")}

Next:
${email === undefined ? "" : `  Confirm the mail that AWS has sent to ${email}: without that, no run can write.\n`}  orchard upload FOLDER           images as <split>/<label>/<image>
  orchard run --mode mini         300 images; or with the AWS CLI:
  aws stepfunctions start-execution --state-machine-arn ${arn} --input '{"mode":"mini"}'
`);
  if (readModelInfo().weights === "seeded") process.stderr.write(`\n! ${seededWarning}\n`);
}
