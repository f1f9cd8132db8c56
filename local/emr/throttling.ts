import { AwsError, isObject } from "../support/aws-error.ts";

/** The calls to refuse: an operation on a cluster. */
interface Throttle {
  readonly operation: string;
  readonly clusterId: string;
}

/** Refuses calls as EMR does above its request rates, which the embedded EMR never reaches by itself. */
export class Throttling {
  readonly #pending: Throttle[] = [];

  /** Makes the next call of an operation on a cluster fail. @throws AwsError ValidationException */
  add(request: unknown): void {
    const { operation, clusterId } = isObject(request) ? request : {};
    if (typeof operation !== "string" || typeof clusterId !== "string") {
      throw new AwsError("ValidationException", 'Send {"operation": "DescribeStep", "clusterId": "j-…"}, for example.');
    }
    this.#pending.push({ operation, clusterId });
  }

  /** @throws AwsError ThrottlingException, once for each `add` */
  check(operation: string, input: unknown): void {
    const clusterId = isObject(input) ? input["ClusterId"] : undefined;
    const found = this.#pending.findIndex((next) => next.operation === operation && next.clusterId === clusterId);
    if (found < 0) return;
    this.#pending.splice(found, 1);
    throw new AwsError("ThrottlingException", "Rate exceeded");
  }
}
