import { afterAll, beforeAll, expect, it } from "vitest";
import { deploy } from "./deployed.ts";
import { violationsOf } from "./invariants.ts";
import { mutations } from "./mutations.ts";
import { everyScenario, play } from "./scenarios.ts";
import type { Scenario } from "./world.ts";

const deployed = deploy();
/** All of them take minutes: `npm run test:faults`. Here the suite shows that it can fail. */
const chosen = process.env["ORCHARD_FAULT_RUNS"] ? mutations : mutations.filter((_, index) => index % 4 === 2);

let scenarios: readonly Scenario[] = [];
beforeAll(async () => {
  scenarios = await everyScenario(deployed);
}, 60_000);

let caught = 0;
afterAll(() => {
  deployed.remove();
  process.stdout.write(`\nfaults: ${caught} of ${chosen.length} mutations caught\n`);
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
