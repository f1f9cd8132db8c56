import { afterAll, beforeAll, expect, it } from "vitest";
import { isDeep } from "../deep.ts";
import { deploy } from "./account/deployed.ts";
import { violationsOf } from "./invariants/all-invariants.ts";
import { mutations } from "./mutations.ts";
import { everyScenario } from "./scenarios/every-scenario.ts";
import { play } from "./scenarios/play.ts";
import type { Scenario } from "./scenarios/scenario.ts";

const deployed = deploy();
let scenarios: readonly Scenario[] = [];
beforeAll(async () => {
  scenarios = await everyScenario(deployed);
  // A suite that is red anyway would catch everything.
  for (const scenario of scenarios.slice(0, 10)) expect(violationsOf(await play(deployed, scenario))).toEqual([]);
}, 600_000);

/** All mutations take two minutes: `npm run test:deep` tries them, `npm test` a tenth. */
const chosen = isDeep ? mutations : mutations.filter((_, index) => index % 10 === 0);
let caught = 0;
afterAll(() => {
  process.stdout.write(`\nfaults: ${caught} of ${chosen.length} mutations caught\n`);
});

it("finds what each of all mutations changes", () => {
  for (const { apply } of mutations) expect(apply(deployed)).not.toBe(deployed);
});

it.each(chosen)(
  "catches: $name",
  async ({ apply }) => {
    const mutant = apply(deployed);
    for (const scenario of scenarios) {
      if (violationsOf(await play(mutant, scenario)).length > 0) {
        caught += 1;
        return;
      }
    }
    expect.fail(`None of ${scenarios.length} scenarios catches it`);
  },
  600_000,
);
