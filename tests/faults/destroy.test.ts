import { expect, it } from "vitest";
import { isDeep } from "../deep.ts";
import { deploy } from "./account/deployed.ts";
import type { Simulation } from "./account/simulation.ts";
import { eventNumber, withoutFaults } from "./scenarios/base-scenarios.ts";
import { buildScenario, cancelFails, fault } from "./scenarios/build-scenario.ts";
import { failuresOf, persistently } from "./scenarios/failures.ts";
import { play, playOnce } from "./scenarios/play.ts";
import type { Scenario } from "./scenarios/scenario.ts";

const deployed = deploy();
const sampleEvery = isDeep ? 1 : 24;
const timeoutMs = 600_000;

/** Reports each cluster that is alive at the end or later, unless `destroy` has failed with a message that names it. */
function violationsOf({ createdClusters, destruction, scenario }: Simulation): readonly string[] {
  if (destruction === undefined) return [`${scenario.name} at event ${scenario.destroyAt}: destroy has not ended`];
  const { at, message } = destruction;
  if (message?.includes("It is not known whether clusters are alive")) return [];
  const alive = createdClusters.filter(({ Status: { Timeline } }) => 1000 * (Timeline.EndDateTime ?? Infinity) > at);
  return alive.flatMap(({ Id }) =>
    message?.includes(Id)
      ? []
      : [`${scenario.name} at event ${scenario.destroyAt}: ${Id} is alive; ${message ?? "success"}`],
  );
}

async function playAll(scenarios: readonly Scenario[]): Promise<readonly Simulation[]> {
  const played: Simulation[] = [];
  for (const [index, scenario] of scenarios.entries())
    if (index % sampleEvery === 0) played.push(await play(deployed, scenario));
  return played;
}

it(
  "ends with no cluster alive, whichever event of an execution it starts at",
  async () => {
    const { executions } = await playOnce(deployed, withoutFaults);
    const events = executions[0]?.history.map((_, index) => index + 1) ?? [];
    // Other executions start before, during and after the removal.
    const more = { starts: [0, 1_000, 4_000, 30_000, 300_000] };
    const scenarios = events.flatMap((destroyAt) => [
      buildScenario([], undefined, { destroyAt }),
      buildScenario(cancelFails, undefined, { destroyAt, ...more }),
    ]);

    const played = await playAll(scenarios);

    expect(played.flatMap(violationsOf)).toEqual([]);
    expect(played.map(({ destruction, isDeleted }) => [destruction?.message, isDeleted])).toEqual(
      played.map(() => [undefined, true]),
    );
  },
  timeoutMs,
);

it(
  "never succeeds with a cluster alive when its calls fail",
  async () => {
    const event = await eventNumber(deployed, "TaskSubmitted", "Inventory");
    const { calls } = await play(deployed, buildScenario([], undefined, { destroyAt: event }));
    const own = [...calls].flatMap((call) => (call.startsWith("destroy ") ? call.replace("destroy ", "") : []));
    const scenarios = own.flatMap((operation) =>
      failuresOf(operation).flatMap((failure) =>
        [1, persistently].map((times) =>
          buildScenario([fault("destroy", operation, failure, times), ...cancelFails], undefined, { destroyAt: event }),
        ),
      ),
    );

    const played = await playAll(scenarios);

    expect(own).toEqual(
      expect.arrayContaining([
        "s3:PutObject",
        "states:StopExecution",
        "emr:TerminateJobFlows",
        "cloudformation:DeleteStack",
      ]),
    );
    expect(played.flatMap(violationsOf)).toEqual([]);
  },
  timeoutMs,
);
