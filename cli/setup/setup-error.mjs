/** An error whose message is written for the person at the terminal. */
export class SetupError extends Error {
  /** @param {string} message @param {number} exitCode 1 for a failure, 2 for a missing prerequisite, 130 for an interruption */
  constructor(message, exitCode) {
    super(message);
    this.name = "SetupError";
    this.exitCode = exitCode;
  }
}
