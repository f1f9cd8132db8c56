import { input, select } from "@inquirer/prompts";
import { describeImages } from "../../lambdas/contract/counts.ts";
import { type Mode, modeProperties, modes } from "../../lambdas/contract/modes.ts";
import type { Plan } from "../../lambdas/contract/plan.ts";
import type { Planner } from "../deployment/preflight-checks.ts";
import { UsageError } from "../terminal/command-errors.ts";
import { ask } from "../terminal/confirm.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { type Reporter, runSteps } from "../terminal/progress-steps.ts";
import { renderColumns } from "../terminal/tables.ts";
import { type ExecutionInput, type InputOptions, makeExecutionInput } from "./execution-input.ts";

const first: Mode = "mini";
const offered: readonly Mode[] = [first, ...modes.filter((mode) => mode !== first)];

/** A mode that a person may choose. It has no plan if Preflight would refuse the run, or if the run needs a label. */
interface Offer {
  readonly mode: Mode;
  readonly plan?: Plan;
  readonly refusal?: string;
}

/** A chosen run. */
export interface Choice {
  readonly input: ExecutionInput;
  readonly plan: Plan;
}

/**
 * Offers the modes with the minutes and the cost of each, the small one first.
 *
 * @param options the command's other options, which apply to each mode
 * @throws UsageError when Preflight refuses the chosen label
 */
export async function chooseMode(lifetime: Lifetime, plan: Planner, options: InputOptions): Promise<Choice> {
  const offers: Offer[] = [];
  const planAll = async ({ status, title }: Reporter): Promise<void> => {
    for (const mode of offered) {
      status(`mode ${mode}`);
      offers.push(await makeOffer(plan, options, mode));
    }
    title("Plans of the modes");
  };
  await runSteps(lifetime, [{ title: "Planning", run: planAll }], false);
  const names = renderColumns(offers.map(describeOffer)).split("\n");
  const choices = offers.map(({ mode, refusal }, index) => ({
    value: mode,
    name: (names[index] ?? mode).trim(),
    short: mode,
    description: refusal ?? modeProperties(mode).description,
    disabled: refusal === undefined ? false : "(refused)",
  }));
  const mode = await ask(lifetime, (context) => select({ message: "Which run?", choices, loop: false }, context));
  const chosen = offers.find((offer) => offer.mode === mode)?.plan;
  if (chosen) return { input: makeExecutionInput({ ...options, mode }), plan: chosen };
  const label = await ask(lifetime, (context) => input({ message: "Which label?", required: true }, context));
  const withLabel = makeExecutionInput({ ...options, mode, label });
  return { input: withLabel, plan: await plan(withLabel) };
}

async function makeOffer(plan: Planner, options: InputOptions, mode: Mode): Promise<Offer> {
  if (modeProperties(mode).takesLabel) return { mode };
  try {
    return { mode, plan: await plan(makeExecutionInput({ ...options, mode })) };
  } catch (error) {
    if (error instanceof UsageError) return { mode, refusal: error.message };
    throw error;
  }
}

function describeOffer({ mode, plan, refusal }: Offer): readonly string[] {
  if (!plan) return [mode, refusal === undefined ? "asks for the label" : "", "", ""];
  const { counts, estimate, reuse } = plan;
  const images = describeImages(counts);
  if (reuse) return [mode, images, "nothing new", "0.00 USD"];
  return [mode, images, `${estimate.minutes.toFixed(0)} min`, `${estimate.usd.toFixed(2)} USD`];
}
