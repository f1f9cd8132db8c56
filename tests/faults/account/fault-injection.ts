import { AwsError } from "../../../local/support/aws-error.ts";
import type { Failure, Fault } from "../scenarios/failures.ts";
import type { Caller } from "./records.ts";

interface PendingFault {
  readonly fault: Fault;
  callsToSkip: number;
  failuresLeft: number;
}

function matches({ operation, state, execution }: Fault, caller: Caller, calledOperation: string): boolean {
  return (
    operation === calledOperation &&
    (state === "*" || state === caller.state) &&
    (execution === undefined || execution === caller.execution)
  );
}

/** Decides which calls of a scenario fail. */
export class FaultInjection {
  readonly #pending: readonly PendingFault[];

  constructor(faults: readonly Fault[]) {
    this.#pending = faults.map((fault) => ({ fault, callsToSkip: fault.skip ?? 0, failuresLeft: fault.times }));
  }

  /** Returns the failure of this call, if any, and counts the call. */
  take(caller: Caller, operation: string): Failure | undefined {
    for (const pending of this.#pending) {
      if (!matches(pending.fault, caller, operation)) continue;
      if (pending.callsToSkip > 0) pending.callsToSkip -= 1;
      else if (pending.failuresLeft > 0) {
        pending.failuresLeft -= 1;
        return pending.fault.failure;
      }
    }
    return undefined;
  }
}

/** Creates the error that the caller sees: the service's error, or a broken connection. */
export function errorOf({ error, name }: Failure): Error {
  return error === undefined
    ? Object.assign(new Error(`socket hang up (${name})`), { code: "ECONNRESET" })
    : new AwsError(error.code, error.message, error.status);
}
