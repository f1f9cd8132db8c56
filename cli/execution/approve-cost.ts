import { Option } from "@commander-js/extra-typings";
import { describeImages } from "../../lambdas/contract/counts.ts";
import type { Plan } from "../../lambdas/contract/plan.ts";
import { UsageError } from "../terminal/command-errors.ts";
import { hasTerminal, requireConfirmed } from "../terminal/confirm.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { parseUsd } from "./input-options.ts";

/** Above this estimate, a run is started only with a person's consent. A run in mode mini costs a tenth of it. */
export const defaultConfirmUsd = 1;

export const confirmAboveOption = new Option(
  "--confirm-above <usd>",
  `ask before a run that costs more (default: ${defaultConfirmUsd})`,
).argParser((text) => parseUsd("--confirm-above", text));

/**
 * Asks before a run is started whose estimate is above the threshold.
 *
 * @throws Refused when the person says no; UsageError when there is no terminal
 */
export async function approveCost(lifetime: Lifetime, plan: Plan, aboveUsd: number): Promise<void> {
  const { usd, usdAtMost, minutes } = plan.estimate;
  if (usd <= aboveUsd) return;
  const cost = `about ${usd.toFixed(2)} USD, at most ${usdAtMost.toFixed(2)} USD`;
  if (!hasTerminal()) {
    throw new UsageError(
      `This run would cost ${cost}. Above ${aboveUsd.toFixed(2)} USD the command asks, and there is no terminal. Confirm with --yes, or raise --confirm-above.`,
    );
  }
  const images = describeImages(plan.counts);
  const question = `Start a run in mode ${plan.mode} with ${images}, ${minutes.toFixed(0)} minutes, for ${cost}?`;
  await requireConfirmed(lifetime, question, false, "Nothing was started.");
}
