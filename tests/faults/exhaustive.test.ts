import { afterAll, beforeAll, expect, it } from "vitest";
import { deploy } from "./deployed.ts";
import { invariants, latestLayer, violationsOf } from "./invariants.ts";
import { everyScenario, play, signatureOf } from "./scenarios.ts";

const deployed = deploy();
afterAll(() => deployed.remove());

const violations: string[] = [];
const histories = new Set<string>();
const outcomes = new Map<string, number>();
let played = 0;

beforeAll(async () => {
  for (const scenario of await everyScenario(deployed)) {
    const world = await play(deployed, scenario);
    played += 1;
    violations.push(...violationsOf(world));
    const signature = signatureOf(world);
    if (histories.has(signature)) continue;
    histories.add(signature);
    const [execution] = world.executions;
    const { status, error } = execution?.outcome ?? { status: "NONE" };
    const again = execution && execution.runs.length > 1 ? `, after ${execution.runs.length - 1} redrive(s)` : "";
    const outcome = `${status} ${error ?? ""}${again}, layer ${latestLayer(world)}, ${world.mails.length} mail(s)`;
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  const table = [...outcomes].sort(([, a], [, b]) => b - a).map(([outcome, count]) => `  ${count} x ${outcome}`);
  process.stdout.write(
    `\nfaults: ${histories.size} scenarios that differ (of ${played} played), ${outcomes.size} outcomes, ` +
      `${Object.keys(invariants).length} invariants after each\n${table.join("\n")}\n`,
  );
}, 600_000);

it.each(Object.keys(invariants))("%s", (name) => {
  expect(violations.filter((violation) => violation.startsWith(name))).toEqual([]);
});

it("plays several hundred scenarios that differ", () => {
  expect(histories.size).toBeGreaterThan(300);
});
