/** What a log tells: the line that names the cause, and whether it is the job's own statement or a guess. */
export interface RootCause {
  readonly line: string;
  readonly isCertain: boolean;
}

/** The job's last words, by the contract between the Spark scripts and the functions. */
const statement = /^orchard: error: (.+)$/;
/** The last line of a Python traceback: a dotted name that ends like an exception's, then what it says. */
const pythonException = /^(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:Error|Exception|Exit|Interrupt)(?:: .*)?$/;
/** Java prints the outermost exception first and each cause below it. */
const javaCause = /^(?:Caused by: |Exception in thread "[^"]*" )(.+)$/;

const lastMatch = (lines: readonly string[], pattern: RegExp): string | undefined =>
  lines
    .map((line) => pattern.exec(line))
    .findLast((match) => match !== null)
    ?.at(-1);

/** The line of a log that names the cause: the job's own statement, else the innermost exception. */
export const rootCause = (log: string): RootCause | undefined => {
  const lines = log.split(/\r?\n/).map((line) => line.trim());
  const stated = lastMatch(lines, statement);
  if (stated !== undefined) return { line: stated, isCertain: true };
  const guessed = lastMatch(lines, pythonException) ?? lastMatch(lines, javaCause);
  return guessed === undefined ? undefined : { line: guessed, isCertain: false };
};

/** The last lines that say something, each of bounded length. */
export const lastLines = (log: string, count = 20): readonly string[] =>
  log
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "")
    .slice(-count)
    .map((line) => line.slice(0, 300));

/** A message as one line: list items are joined by semicolons. */
export const oneLine = (text: string): string =>
  text
    .replaceAll(/:\s*\n\s*- /g, ": ")
    .replaceAll(/\s*\n\s*- /g, "; ")
    .replaceAll(/\s+/g, " ")
    .trim();
