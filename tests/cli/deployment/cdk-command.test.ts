import { describe, expect, it } from "vitest";
import { synthesisError } from "../../../cli/deployment/cdk-command.ts";

describe("a failed synthesis", () => {
  it("is a wrong call when the configuration is invalid", () => {
    const error = synthesisError("maxCostUsd: given -1; allowed: 0.01 or more\nSubprocess exited with error 1\n");

    expect(error).toMatchObject({ name: "UsageError", exitCode: 2 });
    expect(error.message).toContain("maxCostUsd: given -1");
  });

  it("is a failure when the disk is full, and names the file", () => {
    const output =
      "node:fs:3033\n    throw err;\nError: ENOSPC: no space left on device, copyfile 'a.tar' -> 'b.tar'\n    at copyFileSync (node:fs:3033:11)\n";

    const error = synthesisError(output);

    expect(error).toMatchObject({ name: "CommandFailed", exitCode: 1 });
    expect(error.message).toMatch(/ENOSPC: no space left on device, copyfile 'a.tar' -> 'b.tar'$/);
  });
});
