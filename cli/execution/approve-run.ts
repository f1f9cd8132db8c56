import type { Plan } from "../../lambdas/contract/plan.ts";
import { isOnEmbedded, type Target } from "../account/deployment-target.ts";
import type { DeployedStack } from "../deployment/deployed-stacks.ts";
import { openPlanner } from "../deployment/preflight-checks.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { type Reporter, runSteps } from "../terminal/progress-steps.ts";
import { approveCost, defaultConfirmUsd } from "./approve-cost.ts";
import type { ExecutionInput } from "./execution-input.ts";

interface Consent {
  readonly yes: boolean;
  readonly json: boolean;
  /** Estimate in US dollars above which the command asks. */
  readonly confirmAbove: number | undefined;
}

/**
 * Plans a run, and asks when it costs more than the threshold.
 *
 * @throws Refused when the person says no to the cost; UsageError when nobody can be asked, or Preflight would refuse
 */
export async function approveRun(
  lifetime: Lifetime,
  target: Target,
  deployed: DeployedStack,
  input: ExecutionInput,
  { yes, json, ...consent }: Consent,
): Promise<void> {
  const aboveUsd = thresholdOf(target, consent);
  // Plan a run with a label even if its cost needs no approval: for a wrong label, Preflight names the nearest one.
  if (yes || (aboveUsd === Number.POSITIVE_INFINITY && input["label"] === undefined)) return;
  let plan: Plan | undefined;
  const planRun = async ({ title }: Reporter): Promise<void> => {
    plan = await (await openPlanner(target, deployed))(input);
    title(`Plan: ${plan.estimate.minutes.toFixed(0)} min, ${plan.estimate.usd.toFixed(2)} USD`);
  };
  await runSteps(lifetime, [{ title: "Planning", run: planRun }], json);
  if (plan) await approveCost(lifetime, plan, aboveUsd);
}

/** The estimate above which to ask. On this machine nothing is spent, so only --confirm-above leads to a question. */
export function thresholdOf(target: Target, { confirmAbove }: Pick<Consent, "confirmAbove">): number {
  return confirmAbove ?? (isOnEmbedded(target) ? Number.POSITIVE_INFINITY : defaultConfirmUsd);
}
