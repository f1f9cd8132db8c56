import { isDeeperThan } from "../../shared/json-depth.ts";
import { AwsError, errorText } from "../support/aws-error.ts";
import { exceedsDataLimit, maxDataBytes } from "./data-limit.ts";
import type { Json } from "./interpreter.ts";

/** API reference, StartExecution: the characters that a name must not contain. @throws AwsError InvalidName */
export function checkExecutionName(name: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are among those that AWS forbids
  if (name.length < 1 || name.length > 80 || /[\s<>{}[\]?*"#%\\^|~`$&,;:/\u0000-\u001f\u007f-\u009f]/.test(name)) {
    throw new AwsError("InvalidName", `Invalid Name: '${name}'`);
  }
}

function parseJson(json: string): Json {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new AwsError("InvalidExecutionInput", `Invalid State Machine Execution Input: '${errorText(error)}'`);
  }
}

/** Assumed: AWS documents no limit. The interpreter copies data recursively, and several thousand levels end its stack. */
const maxInputDepth = 1_000;

/** @throws AwsError InvalidExecutionInput */
export function parseExecutionInput(json: string): Json {
  if (exceedsDataLimit(json)) {
    throw new AwsError("InvalidExecutionInput", `The execution input has more than ${maxDataBytes} bytes.`);
  }
  const input = parseJson(json);
  if (isDeeperThan(input, maxInputDepth)) {
    throw new AwsError(
      "InvalidExecutionInput",
      `The execution input has more than ${maxInputDepth} levels of nesting.`,
    );
  }
  return input;
}
