import { executionTag, keepUntilTag, runIdTag, stackTag } from "../../../lambdas/contract/tags.ts";
import type { Simulation } from "./simulation.ts";

const hour = 3_600_000;

/** Creates clusters that no execution of the scenario may touch, and the executions to which some of them belong. */
export function createOtherClusters(simulation: Simulation): void {
  const { clock, emr, otherExecutions } = simulation;
  const arn = (name: string) => simulation.executionArn(name);
  const ofOthers = arn("run-1").replace(":Orchard:", ":Orchard-of-others:");
  otherExecutions.set(arn("busy"), "RUNNING");
  otherExecutions.set(arn("kept"), "SUCCEEDED");
  const keepUntil = new Date(clock.now + 20 * hour).toISOString();
  const clusters: readonly (readonly [name: string, tags: Readonly<Record<string, string>>])[] = [
    ["analytics", {}],
    ["orchard-run-1", { [runIdTag]: "run-1" }],
    ["orchard-busy", { [stackTag]: "Orchard", [executionTag]: arn("busy") }],
    ["orchard-kept", { [stackTag]: "Orchard", [executionTag]: arn("kept"), [keepUntilTag]: keepUntil }],
    ["orchard-run-1", { [stackTag]: "Orchard-of-others", [executionTag]: ofOthers }],
  ];
  for (const [Name, tags] of clusters) {
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    const Instances = { KeepJobFlowAliveWhenNoSteps: true, InstanceCount: 1 };
    const rest = { ReleaseLabel: "emr-7.13.0", ServiceRole: "theirs", JobFlowRole: "theirs", Instances };
    emr.handle("RunJobFlow", { Name, Tags, ...rest });
  }
}
