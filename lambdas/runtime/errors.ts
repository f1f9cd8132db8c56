/** An error whose `name` the state machine catches and whose message a person reads. */
export abstract class OrchardError extends Error {}

/** The execution's input cannot be run: the message says what was wrong, what is allowed and what to do. */
export class InvalidInput extends OrchardError {
  override readonly name = "InvalidInput";
}

/** The account is not ready for the run: the message lists every failed check with its remedy. */
export class PreflightFailed extends OrchardError {
  override readonly name = "PreflightFailed";
}

/** The run's outputs are not what was planned: the message lists every failed check. */
export class ResultsInvalid extends OrchardError {
  override readonly name = "ResultsInvalid";
}

/** A cluster was named that this execution did not create, and it was left alone. */
export class ClusterNotOurs extends OrchardError {
  override readonly name = "ClusterNotOurs";
}

/** The cluster is still on its way down; ask again later. */
export class ClusterStillTerminating extends OrchardError {
  override readonly name = "ClusterStillTerminating";
}

/** An earlier execution runs, and the input asks to wait for it. */
export class OtherExecutionRunning extends OrchardError {
  override readonly name = "OtherExecutionRunning";
}
