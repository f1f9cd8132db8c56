import { join } from "node:path";
import type { Stack } from "@aws-sdk/client-cloudformation";
import { Command } from "@commander-js/extra-typings";
import type { Config } from "../../infra/config/knobs.ts";
import { seededWarning } from "../../lambdas/contract/seeded-weights.ts";
import type { Clients } from "../account/aws-clients.ts";
import { isOnEmbedded, type Target } from "../account/deployment-target.ts";
import { addTargetOptions, openChosenTarget, type TargetOptions } from "../account/target-options.ts";
import { applyChanges, type Changes, requireNoBlockers } from "../deployment/apply-changes.ts";
import { Cdk, type Difference } from "../deployment/cdk-command.ts";
import { openDeployment } from "../deployment/closed-deployment.ts";
import { addConfigOptions, type ConfigOptions, contextOf, readConfig } from "../deployment/config-options.ts";
import { findStacks } from "../deployment/delete-stacks.ts";
import { forgetLocalDeployment } from "../deployment/deploy-locally.ts";
import { describeStack, outputsOf, readDeployment } from "../deployment/deployed-stacks.ts";
import { makeWheelhouse } from "../deployment/make-wheelhouse.ts";
import { UsageError } from "../terminal/command-errors.ts";
import { groups } from "../terminal/command-groups.ts";
import { requireConfirmed, requireTerminal } from "../terminal/confirm.ts";
import { formatDuration } from "../terminal/format-duration.ts";
import { type Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { runSteps, type Step } from "../terminal/progress-steps.ts";
import { readModelInfo } from "../toolchain/model-info.ts";
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
  const found = await findChanges(lifetime, target, cdk, config, json);
  const { stacks, leftOver, difference } = found;
  const removed = namesOf(leftOver);
  if (!json) printChanges(found);
  const changed = difference.stacks > 0 || removed.length > 0;
  if (changed) {
    const changes: Changes = { target, cdk, stacks, leftOver, mayStop: options.stopRunning };
    await requireNoBlockers(changes);
    await requireConfirmed(lifetime, `Deploy this to account ${account} in ${region}?`, yes, "Nothing was deployed.");
    if (isOnEmbedded(target)) await forgetLocalDeployment();
    await applyChanges(lifetime, changes, json);
  }
  const deployment = await readDeployment(target.clients);
  if (deployment) await openDeployment(target.clients, deployment.bucket);
  await printOutcome(target, { stacks, removed, changed }, options, since);
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

interface FoundChanges extends Pick<Changes, "stacks" | "leftOver"> {
  readonly difference: Difference;
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
): Promise<FoundChanges> {
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

function printChanges({ difference, leftOver }: FoundChanges): void {
  process.stdout.write(`\n${difference.text}\n\n`);
  if (leftOver.length > 0) {
    process.stdout.write(`To be removed, because the configuration has none: ${namesOf(leftOver).join(", ")}\n\n`);
  }
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
