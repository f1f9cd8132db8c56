import { afterAll, beforeAll, expect, it } from "vitest";
import { isDeep } from "../deep.ts";
import { deploy } from "./account/deployed.ts";
import { violationsOf } from "./invariants/all-invariants.ts";
import { mutations } from "./mutations.ts";
import { everyScenario } from "./scenarios/every-scenario.ts";
import { play, playOnce } from "./scenarios/play.ts";
import type { Scenario } from "./scenarios/scenario.ts";

const deployed = deploy();
let scenarios: readonly Scenario[] = [];
beforeAll(async () => {
  scenarios = await everyScenario(deployed);
  // If scenarios failed without a mutation, they would detect every mutation.
  for (const scenario of scenarios.slice(0, 10)) expect(violationsOf(await playOnce(deployed, scenario))).toEqual([]);
}, 600_000);

/** All mutations take two minutes of a core, so only `npm run test:deep` tries all of them. */
const chosen = isDeep ? mutations : mutations.filter((_, index) => index % 10 === 0);
let detected = 0;
afterAll(() => {
  process.stdout.write(`\nfaults: detected ${detected} of ${chosen.length} mutations\n`);
});

it("applies every mutation", () => {
  for (const { apply } of mutations) expect(apply(deployed)).not.toBe(deployed);
});

it.each(chosen)(
  "detects: $name",
  async ({ apply, state, needsRedrive }) => {
    const mutant = apply(deployed);
    const isRelated = ({ faults, redrives }: Scenario) =>
      needsRedrive ? redrives !== undefined : faults.some((fault) => fault.state === state);
    const relatedFirst = scenarios.toSorted((a, b) => Number(isRelated(b)) - Number(isRelated(a)));
    for (const scenario of relatedFirst) {
      if (violationsOf(await play(mutant, scenario)).length > 0) {
        detected += 1;
        return;
      }
    }
    expect.fail(`None of the ${scenarios.length} scenarios detects the mutation.`);
  },
  600_000,
);
