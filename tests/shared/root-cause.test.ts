import { expect, test } from "vitest";
import { lastLines, rootCause } from "../../shared/root-cause.ts";

test.each([
  ["the job's own statement", ["orchard: error: bad", "ValueError: x"], "bad"],
  [
    "the last line of a Python traceback",
    ["Traceback (most recent call last):", '  File "a.py", line 1', "pyspark.errors.AnalysisException: no such path"],
    "pyspark.errors.AnalysisException: no such path",
  ],
  [
    "the innermost cause of a Java exception",
    [
      'Exception in thread "main" java.lang.RuntimeException: outer',
      "\tat a.b(C.java:1)",
      "Caused by: java.io.IOException: middle",
      "Caused by: java.net.ConnectException: inner",
    ],
    "java.net.ConnectException: inner",
  ],
  [
    "the Python exception before Java's exceptions at shutdown",
    [
      "Traceback (most recent call last):",
      '  File "/mnt/a.py", line 1, in <module>',
      "KeyError: 'label'",
      "Caused by: java.io.IOException: Connection closed",
    ],
    "KeyError: 'label'",
  ],
])("the root cause is %s", (_, lines, cause) => {
  expect(rootCause(lines.join("\n"))?.line).toBe(cause);
});

test("a log without an exception has no root cause", () => {
  expect(rootCause("INFO a\nWARN b: Error rate 3")).toBeUndefined();
});

test("the last lines leave out Java's frames and Spark's INFO lines", () => {
  const log = [
    "Caused by: java.io.EOFException",
    "\tat a.b(C.java:1)",
    "\t... 3 more",
    "",
    "26/11/21 10:00:00 INFO ShutdownHookManager: Shutdown hook called",
  ];

  expect(lastLines(log.join("\n"))).toEqual(["Caused by: java.io.EOFException"]);
});
