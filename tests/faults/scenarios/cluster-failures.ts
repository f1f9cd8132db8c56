import type { Deployed } from "../account/deployed.ts";
import { buildScenario, failedStep, fault, hangingStep } from "./build-scenario.ts";
import { failures, persistently } from "./failures.ts";
import type { Scenario } from "./scenario.ts";

function emrSteps({ definition }: Deployed): readonly string[] {
  return Object.entries(definition.States).flatMap(([name, { Resource = "" }]) =>
    Resource.endsWith(":addStep.sync") ? [name] : [],
  );
}

/** Failures of clusters and steps themselves. Failures of the termination also follow a failed or hanging step. */
export function clusterFailures(deployed: Deployed): Scenario[] {
  const ofStartAndSteps = [
    ...(failures["start"] ?? []).map((failure) => fault("*", "start:", failure)),
    fault("*", "results:Inventory", "GROWN"),
    ...emrSteps(deployed).flatMap((step) => [
      ...(failures["step"] ?? []).map((failure) => fault("*", `step:${step}`, failure)),
      fault("*", `results:${step}`, "INVALID"),
    ]),
  ];
  const ofTermination = [
    ...(failures["shutdown"] ?? []).map((failure) => fault("*", "shutdown:", failure, persistently)),
    fault("*", "protection:Inventory", "PROTECTED"),
  ];
  return [
    ...ofStartAndSteps.map((one) => buildScenario([one])),
    ...ofTermination.flatMap((one) => [
      buildScenario([one]),
      buildScenario([one, failedStep]),
      buildScenario([one, hangingStep]),
    ]),
  ];
}
