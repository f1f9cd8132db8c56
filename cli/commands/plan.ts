import { Command } from "@commander-js/extra-typings";
import { yellow } from "ansis";
import prettyBytes from "pretty-bytes";
import { formatImages } from "../../lambdas/contract/counts.ts";
import { describeSplits } from "../../lambdas/contract/image-tree.ts";
import { jobSteps, stateOfStep } from "../../lambdas/contract/job-steps.ts";
import type { Plan } from "../../lambdas/contract/plan.ts";
import { plural } from "../../shared/formatting.ts";
import { addTargetOptions, openChosenTarget } from "../account/target-options.ts";
import { requireDeployment } from "../deployment/deployed-stacks.ts";
import { openPlanner } from "../deployment/preflight-checks.ts";
import { makeExecutionInput } from "../execution/execution-input.ts";
import { addInputOptions } from "../execution/input-options.ts";
import { groups } from "../terminal/command-groups.ts";
import { renderFields } from "../terminal/tables.ts";

export const command = addTargetOptions(
  addInputOptions(
    new Command("plan")
      .helpGroup(groups.run)
      .summary("say what a run would do and cost, and create nothing")
      .description("plan a run as Preflight does: images, cluster, minutes and cost; creates nothing")
      .option("--json", "print one JSON object and nothing else", false)
      .addHelpText("after", "\nExample:\n  orchard plan --mode full"),
  ),
).action(async ({ json, local, region, profile, ...options }) => {
  const input = makeExecutionInput(options);
  const target = await openChosenTarget({ local, region, profile });
  const plan = await (await openPlanner(target, await requireDeployment(target)))(input);
  if (json) process.stdout.write(`${JSON.stringify(plan, null, 2)}\n`);
  else process.stdout.write(`${render(plan)}\n`);
});

function render(plan: Plan): string {
  const { counts, estimate, cluster, reuse, steps, warnings } = plan;
  const names = jobSteps.filter((step) => steps[step]).map((step) => stateOfStep[step]);
  const fields = renderFields([
    ["Mode", plan.mode],
    ["Images", `${formatImages(counts)} of ${plural(counts.labels, "label")}, ${prettyBytes(counts.bytes)}`],
    ["Splits", describeSplits(plan.usedSplits, plan.unusedSplits) ?? null],
    ["Nothing new", reuse && `the results of ${reuse.run} stand`],
    ["Steps", names.join(", ") || "none"],
    ["Precision", plan.precision === "float32" ? null : plan.precision],
    ["Cluster", steps.any ? describeCluster(cluster) : "none"],
    ["Minutes", describeMinutes(estimate)],
    ["Bottleneck", estimate.bottleneck || null],
    ["Cost", `${estimate.usd.toFixed(2)} USD, at most ${estimate.usdAtMost.toFixed(2)} USD`],
    ["Arithmetic", estimate.arithmetic],
  ]);
  return [fields, ...warnings.map((warning) => yellow(`! ${warning}`))].join("\n");
}

function describeMinutes({ minutes, minutesBetween }: Plan["estimate"]): string {
  const [least, most] = minutesBetween ?? [];
  const between = least && most ? `, between ${least.toFixed(0)} and ${most.toFixed(0)}` : "";
  return `${minutes.toFixed(0)}${between}`;
}

function describeCluster({ primaryType, coreType, coreCount, maxCoreCount, market }: Plan["cluster"]): string {
  if (coreCount === 0) return `one ${primaryType}`;
  const upTo = maxCoreCount > coreCount ? `, up to ${maxCoreCount}` : "";
  return `primary node ${primaryType} and ${plural(coreCount, "core node")} ${coreType}${upTo}, ${market}`;
}
