import { z } from "zod";

/** Numbers of tests, of one suite or of all. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const none: Counts = { passed: 0, failed: 0, skipped: 0 };

export function add(a: Counts, b: Counts): Counts {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
  };
}

/** Formats counts as `12 passed, 0 failed`, with skipped tests if there are any. */
export function closingLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/** Counts one failure for a runner that failed without a failed test, such as by crashing. */
export function withExit(counts: Counts, runnerFailed: boolean): Counts {
  return runnerFailed && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

const vitestSchema = z.object({
  testResults: z.array(z.object({ status: z.string(), assertionResults: z.array(z.object({ status: z.string() })) })),
});

/** Counts vitest's JSON report. A file that cannot be loaded counts as one failure. */
export function countVitest(json: string): Counts {
  const files = vitestSchema.parse(JSON.parse(json)).testResults;
  return files
    .map(({ status, assertionResults }) => {
      const count = (wanted: string): number => assertionResults.filter((test) => test.status === wanted).length;
      const counts = { passed: count("passed"), failed: count("failed") };
      const skipped = assertionResults.length - counts.passed - counts.failed;
      return withExit({ ...counts, skipped }, status === "failed");
    })
    .reduce(add, none);
}

/** Counts pytest's JUnit report. An error in a fixture or in the collection counts as a failure. */
export function countPytest(xml: string): Counts {
  const suites = [...xml.matchAll(/<testsuite (?<attributes>[^>]*)>/g)].map(({ groups }) => {
    const number = (name: string): number =>
      Number(groups?.["attributes"]?.match(new RegExp(`\\b${name}="(\\d+)"`))?.[1] ?? 0);
    const failed = number("failures") + number("errors");
    const skipped = number("skipped");
    return { passed: number("tests") - failed - skipped, failed, skipped };
  });
  return suites.reduce(add, none);
}
