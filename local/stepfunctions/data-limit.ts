import { TaskError } from "./task-integrations.ts";

/** Input and output of a state or an execution, in UTF-8. https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html */
export const maxDataBytes = 262_144;

export class DataLimitExceeded extends TaskError {
  constructor(state: string, direction: "input" | "output") {
    const limit = "a size exceeding the maximum number of bytes service limit";
    super(
      "States.DataLimitExceeded",
      `The state/task '${state}' returned a result with ${limit} (${direction} > ${maxDataBytes}).`,
    );
  }
}

export function exceedsDataLimit(json: string): boolean {
  return Buffer.byteLength(json) > maxDataBytes;
}

/** @throws DataLimitExceeded */
export function checkDataLimit(state: string, direction: "input" | "output", json: string): void {
  if (exceedsDataLimit(json)) {
    throw new DataLimitExceeded(state, direction);
  }
}
