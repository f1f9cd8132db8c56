import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { places } from "../../cli/toolchain/places.ts";
import { checkCalls } from "../../infra/check/least-privilege.ts";
import { isDeep } from "../deep.ts";
import { recordedApiCalls } from "./account/api-calls.ts";
import { deploy } from "./account/deployed.ts";
import { invariants, violationsOf } from "./invariants/all-invariants.ts";
import { latestLayer } from "./invariants/layers.ts";
import { everyScenario, signatureOf, stopsDuringRunJobFlow } from "./scenarios/every-scenario.ts";
import { play } from "./scenarios/play.ts";

const deployed = deploy();

let states: ReadonlySet<string> = new Set();
const violations: string[] = [];
const histories = new Set<string>();
const outcomes = new Map<string, number>();
let playedScenarios = 0;

/** All scenarios take four minutes of a core, so only `npm run test:deep` plays all of them. */
const sampleEvery = isDeep ? 1 : 16;

beforeAll(async () => {
  const scenarios = await everyScenario(deployed);
  states = new Set(scenarios.flatMap(({ faults }) => faults.map(({ state }) => state)));
  for (const scenario of scenarios.filter((_, index) => index % sampleEvery === 0)) {
    const simulation = await play(deployed, scenario);
    playedScenarios += 1;
    violations.push(...violationsOf(simulation));
    const signature = signatureOf(simulation);
    if (histories.has(signature)) continue;
    histories.add(signature);
    const [execution] = simulation.executions;
    const { status, error } = execution?.outcome ?? { status: "NONE" };
    const again = execution && execution.runs.length > 1 ? `, after ${execution.runs.length - 1} redrive(s)` : "";
    const outcome = `${status} ${error ?? ""}${again}, layer ${latestLayer(simulation)}, ${simulation.mails.length} mail(s)`;
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  const table = [...outcomes].sort(([, a], [, b]) => b - a).map(([outcome, count]) => `  ${count} x ${outcome}`);
  process.stdout.write(
    `\nfaults: ${playedScenarios} scenarios, of which ${histories.size} take different courses, ` +
      `${outcomes.size} outcomes, ${Object.keys(invariants).length} invariants\n${table.join("\n")}\n`,
  );
}, 1_200_000);

it.each(Object.keys(invariants))("%s", (name) => {
  expect(violations.filter((violation) => violation.startsWith(name))).toEqual([]);
});

it("reports the whole scenario if it does not end in time", async () => {
  const scenario = { name: "endless", faults: [], seed: 4711 };

  await expect(play(deployed, scenario, 1)).rejects.toThrow(/did not end within 1 ms.*4711/s);
});

it("leaves a cluster that is created after the last delivery of the event to the sweep", async () => {
  for (const scenario of await stopsDuringRunJobFlow(deployed)) {
    const simulation = await play(deployed, scenario);

    expect(simulation.createdClusters, scenario.name).toHaveLength(simulation.executions[0]?.runs.length ?? 0);
    expect(violationsOf(simulation)).toEqual([]);
    const creation = 1000 * (simulation.createdClusters.at(-1)?.Status.Timeline.CreationDateTime ?? 0);
    const isHandledBefore = simulation.endDeliveries.every(({ at }) => at < creation);
    if (isHandledBefore) expect(latestLayer(simulation), scenario.name).toBe(3);
  }
});

it("has failures of every Task state", () => {
  const tasks = Object.entries(deployed.definition.States).flatMap(([name, { Type }]) => (Type === "Task" ? name : []));

  expect(tasks.filter((name) => !states.has(name))).toEqual([]);
});

it("plays many different courses", () => {
  expect(histories.size).toBeGreaterThan(isDeep ? 700 : 40);
});

it("makes no call that the functions' policies deny", async () => {
  const record = recordedApiCalls(deployed);
  // `npm test` checks for unused permissions after all suites, because some are only used in other suites.
  mkdirSync(join(places.tests, "api-calls"), { recursive: true });
  writeFileSync(join(places.tests, "api-calls", "faults.json"), JSON.stringify(record));

  const { calls, denied } = await checkCalls([record]);

  expect(denied).toEqual([]);
  expect(calls).toBeGreaterThan(50);
});
