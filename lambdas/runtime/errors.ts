import { cutMessage } from "../../shared/bounded-text.ts";

/** An error whose `name` the state machine can catch and whose message reaches the user. */
export abstract class OrchardError extends Error {
  constructor(message: string) {
    super(cutMessage(message));
  }
}

/** The execution input is invalid. The message lists every problem, the allowed values and the remedy. */
export class InvalidInput extends OrchardError {
  override readonly name = "InvalidInput";
}

/** The account is not ready for the run. The message lists every failed check with its remedy. */
export class PreflightFailed extends OrchardError {
  override readonly name = "PreflightFailed";
}

/** With the images that the Inventory step has found, the run costs more than its maxCostUsd. */
export class QuoteExceeded extends OrchardError {
  override readonly name = "QuoteExceeded";
}

/** The run's results do not match its plan. The message lists every failed check. */
export class ResultsInvalid extends OrchardError {
  override readonly name = "ResultsInvalid";
}

/** The execution's state data refers to a cluster that it did not create; the cluster was left alone. */
export class ClusterNotOurs extends OrchardError {
  override readonly name = "ClusterNotOurs";
}

/** A cluster is still terminating; the state machine retries. */
export class ClusterStillTerminating extends OrchardError {
  override readonly name = "ClusterStillTerminating";
}

/** An earlier execution is running, and the input asks to wait for it. */
export class OtherExecutionRunning extends OrchardError {
  override readonly name = "OtherExecutionRunning";
}
