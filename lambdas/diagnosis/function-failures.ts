import { type Explanation, explain, type FailurePattern, outOfMemory } from "./failure-pattern.ts";
import { readLine } from "./step-failures.ts";

/** Lambda's messages about a function that ended before it could throw an error. */
const functionFailures: readonly FailurePattern[] = [
  {
    pattern: /signal: killed|Runtime\.OutOfMemory/,
    read: ([found]) =>
      outOfMemory(
        `the state's function was ended by Lambda (${found})`,
        "Raise the function's memoryMiB in infra/constructs/functions.ts and deploy",
      ),
  },
  {
    pattern: /Task timed out after [\d.]+ seconds/,
    read: ([found]) => ({
      says: `The state's function did not end in time (${found})`,
      section: "job-fails",
      remedy: "Start again; if it comes back, raise the function's timeout in infra/constructs/functions.ts and deploy",
    }),
  },
];

/** Explains a function's error that is not an OrchardError. */
export function readFunctionError(text: string): Explanation {
  const evidence = { text, cluster: undefined };
  const known = explain(functionFailures, text, evidence);
  // The remedies for a step concern nodes. A function has a role and memory of its own, so it gets no remedy here.
  return known ?? { section: readLine(text, evidence)?.section ?? "job-fails", remedy: null };
}
