import { describe, expect, it } from "vitest";
import { add, closingLine, countPytest, countVitest, none, withExit } from "../../../cli/toolchain/test-counts.ts";

function vitestFile(status: string, ...tests: readonly string[]) {
  return {
    status,
    assertionResults: tests.map((test) => ({ status: test })),
  };
}
function vitestReport(...testResults: readonly object[]): string {
  return JSON.stringify({ testResults });
}

describe("counting the tests of all suites", () => {
  it("counts vitest's tests, and a file that cannot be loaded as one failure", () => {
    const report = vitestReport(
      vitestFile("failed", "passed", "failed", "failed"),
      vitestFile("passed", "passed", "skipped", "todo"),
      vitestFile("failed"),
    );
    expect(countVitest(report)).toEqual({ passed: 2, failed: 3, skipped: 2 });
  });

  it("counts pytest's tests, errors as failures", () => {
    const report =
      '<?xml version="1.0"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="10" time="1.2"><testcase/></testsuite></testsuites>';
    expect(countPytest(report)).toEqual({ passed: 4, failed: 3, skipped: 3 });
  });

  it("counts a runner that crashed as a failure, and one that reported its failures not twice", () => {
    expect(withExit(none, true).failed).toBe(1);
    expect(withExit({ passed: 1, failed: 2, skipped: 0 }, true).failed).toBe(2);
    expect(withExit({ passed: 1, failed: 0, skipped: 0 }, false).failed).toBe(0);
  });

  it("closes with one line for all", () => {
    const all = add({ passed: 3, failed: 0, skipped: 0 }, { passed: 4, failed: 1, skipped: 0 });
    expect(closingLine(all)).toBe("7 passed, 1 failed");
    expect(closingLine({ ...all, skipped: 2 })).toBe("7 passed, 1 failed, 2 skipped");
  });
});
