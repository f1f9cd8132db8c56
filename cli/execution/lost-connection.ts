import { isServerError, isThrottlingError, isTransientError } from "@smithy/core/retry";
import { waitUntil } from "../../shared/wait-until.ts";

type SdkError = Parameters<typeof isTransientError>[0];

function isSdkError(error: unknown): error is SdkError {
  return error instanceof Error;
}

/** Whether a later attempt may succeed: the network is down, a service does not answer, or it throttles. */
export function isConnectionLost(error: unknown): error is Error {
  return isSdkError(error) && (isTransientError(error) || isThrottlingError(error) || isServerError(error));
}

interface PatienceOptions {
  readonly everyMs: number;
  readonly signal: AbortSignal;
  /** Called after each attempt that has failed because of the network or a service. */
  readonly onLost: (error: Error) => void;
}

/** Calls `read` until the network lets it succeed. @throws any other error of `read` */
export async function untilConnected<T>(
  read: () => Promise<T>,
  { everyMs, signal, onLost }: PatienceOptions,
): Promise<T> {
  const results: T[] = [];
  const isRead = async (): Promise<boolean> => {
    try {
      results.push(await read());
      return true;
    } catch (error) {
      if (!isConnectionLost(error)) throw error;
      onLost(error);
      return false;
    }
  };
  await waitUntil(isRead, { everyMs, signal });
  return results[0] as T;
}

/** Reports the loss of the connection once, and its return once. */
export class ConnectionReport {
  readonly #line: (line: string) => void;
  #isLost = false;

  constructor(line: (line: string) => void) {
    this.#line = line;
  }

  lost({ name, message }: Error): void {
    if (!this.#isLost) this.#line(`! No answer from AWS (${name}: ${message}). Trying again until there is one.`);
    this.#isLost = true;
  }

  answered(): void {
    if (this.#isLost) this.#line("AWS answers again.");
    this.#isLost = false;
  }
}
