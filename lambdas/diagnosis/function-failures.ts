import { type Explanation, explainByPattern, type FailurePattern, outOfMemory } from "./failure-pattern.ts";
import { explainLine } from "./step-failures.ts";

/** Lambda's messages about a function that ended before it could throw an error. */
const functionFailures: readonly FailurePattern[] = [
  {
    pattern: /signal: killed|Runtime\.OutOfMemory/,
    explain: ([match]) =>
      outOfMemory(
        `Lambda killed the state's function (${match})`,
        "Raise the function's memoryMiB in infra/constructs/functions.ts and deploy",
      ),
  },
  {
    pattern: /Task timed out after [\d.]{1,12} seconds/,
    explain: ([match]) => ({
      cause: `The state's function did not end in time (${match})`,
      section: "job-fails",
      remedy:
        "Start again; if it happens again, raise the function's timeout in infra/constructs/functions.ts and deploy",
    }),
  },
];

/** Explains a function's error that is not an OrchardError. */
export function explainUnexpectedError(message: string): Explanation {
  const evidence = { text: message, cluster: undefined };
  const known = explainByPattern(functionFailures, message, evidence);
  // The remedies for a step concern nodes. A function has a role and memory of its own, so it gets no remedy here.
  return known ?? { section: explainLine(message, evidence)?.section ?? "job-fails", remedy: null };
}

const refusals: readonly string[] = ["InvalidInput", "PreflightFailed", "OtherExecutionRunning"];

/** Explains a function's error. An OrchardError's message needs no explanation, so only its section is added. */
export function explainFunctionError(name: string | undefined, message: string): Explanation {
  if (name === "ResultsInvalid") return { section: "the-results-are-refused", remedy: null };
  if (name === "QuoteExceeded" || message.includes("maxCostUsd: the plan is estimated"))
    return { section: "costs-too-high", remedy: null };
  if (name !== undefined && refusals.includes(name)) {
    return { section: "the-run-is-refused-before-it-starts", remedy: null };
  }
  return explainUnexpectedError(message);
}
