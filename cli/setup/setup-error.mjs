/** An error whose message is written for the person at the terminal. */
export class SetupError extends Error {
  /** @param {string} message @param {number} exitCode 1 for a failure, 2 for a missing prerequisite, 130 for an interruption */
  constructor(message, exitCode) {
    super(message);
    this.name = "SetupError";
    this.exitCode = exitCode;
  }
}

/** The command's own refusal of its command line: the message is what the command has printed. */
export class CommandRefused extends SetupError {}
