import type { DeployedRule } from "./deployed.ts";
import { TaskError } from "./errors.ts";
import type { Execution } from "./execution.ts";
import type { Caller } from "./records.ts";
import type { Simulation } from "./simulation.ts";

const minute = 60_000;
/** Lambda guide, "Understanding retry behavior": an asynchronous invocation is retried after one and two minutes. */
const retryDelaysMs = [minute, 2 * minute];

/** Tells whether an event matches a pattern of literal values. The stack has no others. @throws Error for others */
function matches(pattern: unknown, event: unknown): boolean {
  if (Array.isArray(pattern)) {
    if (pattern.some((value) => typeof value === "object" && value !== null))
      throw new Error("The simulation only knows event patterns of literal values.");
    return pattern.includes(event);
  }
  return Object.entries(pattern as object).every(([key, inner]) =>
    matches(inner, (event as Record<string, unknown> | undefined)?.[key]),
  );
}

/** Delivers status events and scheduled events to the functions of the deployed rules. */
export class EventBridge {
  readonly #simulation: Simulation;
  #statusEvents = 0;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  startSchedules(): void {
    for (const rule of this.#simulation.deployed.rules) {
      if (rule.everyMs !== undefined) this.#schedule(rule, rule.everyMs);
    }
  }

  /** Delivers an execution's change of status, as often and as late as the scenario says. */
  publishStatus(execution: Execution): void {
    const { clock, deployed, endDeliveries, scenario } = this.#simulation;
    const event = execution.statusChange();
    const delays = scenario.deliveries?.[this.#statusEvents] ?? [500];
    this.#statusEvents += 1;
    if (execution.status !== "RUNNING") {
      const run = execution.runs.length - 1;
      for (const delay of delays) endDeliveries.push({ execution: execution.name, run, at: clock.now + delay });
    }
    for (const rule of deployed.rules) {
      if (rule.pattern === undefined || !matches(rule.pattern, event)) continue;
      for (const delay of delays)
        this.#invokeLater(delay, { execution: execution.name, state: "layer 2" }, rule, event);
    }
  }

  #schedule(rule: DeployedRule, everyMs: number): void {
    this.#simulation.clock.setTimeout(() => {
      this.#invokeLater(0, { execution: "", state: "layer 3" }, rule, { "detail-type": "Scheduled Event" });
      this.#schedule(rule, everyMs);
    }, everyMs);
  }

  /** Invokes the rule's function asynchronously. Lambda retries it twice if it fails. */
  #invokeLater(delayMs: number, caller: Caller, rule: DeployedRule, event: unknown, attempt = 0): void {
    const { clock, lambda } = this.#simulation;
    this.#simulation.beginWork();
    clock.setTimeout(async () => {
      // The invocation is an API call, which counts as work itself.
      this.#simulation.endWork();
      try {
        await lambda.invoke(caller, rule.target, rule.input ?? event);
      } catch (error) {
        if (!(error instanceof TaskError)) throw error;
        const delay = retryDelaysMs[attempt];
        if (delay !== undefined) this.#invokeLater(delay, caller, rule, event, attempt + 1);
      }
    }, delayMs);
  }
}
