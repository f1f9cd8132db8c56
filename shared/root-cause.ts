import { cutText } from "./bounded-text.ts";

/** The reason for a failure, as a log shows it: one line, and the place in our code where it was raised. */
export interface RootCause {
  readonly line: string;
  /** File and line of the innermost frame that belongs to neither Python, Spark nor a package. */
  readonly place: string | null;
  /** Whether the job itself stated the cause. Otherwise it is inferred from an exception. */
  readonly isStated: boolean;
}

/** Longer lines are cut: a cause is at their beginning, and patterns must not read megabytes again and again. */
const maxLineLength = 2_000;

export function logLines(log: string): readonly string[] {
  return log.split(/\r?\n/).map((line) => cutText(line, maxLineLength));
}

/** The line with which the Spark scripts state the cause before they exit. */
const statementLine = /^orchard: error: (.+)/;
const tracebackStart = /Traceback \(most recent call last\):$/;
const frame = /^\s{1,20}File "(.{1,1100})", line (\d{1,9}), in \S/;
/** The last line of a Python traceback: a dotted name and the message. */
const pythonException = /^[A-Za-z_][\w.]{0,200}(?<!\.)(?:: |$)/;
/** A line that is certainly an exception, even without a traceback around it. */
const strayPythonException = /^[A-Za-z_][\w.]{0,200}(?:Error|Exception|Exit|Interrupt)(?:: |$)/;
/** Python prints this after the cause and before the exception that was raised from it. */
const directCauseLine = "The above exception was the direct cause of the following exception:";
/** Java prints the outermost exception first and each cause below it; py4j puts it after a colon. */
const javaCause = /^(?:Caused by|Exception in thread "[^"]{0,200}"|): ?([a-z][\w.]{0,200}\.[A-Z][\w$]{0,60}(?=:|$).*)/;
const javaInThread = /^Exception in thread "[^"]{0,200}" (.+)/;
/** A Python exception that wraps a Java exception, whose text follows. */
const javaWrapper = /^py4j\.protocol\.Py4JJavaError/;
const foreignFrame =
  /\/(?:site-packages|dist-packages|pyspark(?:\.zip)?|py4j[^/]{0,100})\/|\/lib\/python\d|\/lib\/spark\/|^<|\.p(?:xi|yx)$/;

interface Traceback {
  readonly line: string;
  readonly place: string | null;
  /** Line number in the log at which it ends. */
  readonly end: number;
  readonly isCauseOfNext: boolean;
}

/** Shortens the path of a file on a node: to the path in orchard.zip, or to the file name. */
function shortName(file: string): string {
  return /orchard\.zip\/(.+)/.exec(file)?.[1] ?? file.slice(file.lastIndexOf("/") + 1);
}

function tracebacks(lines: readonly string[]): readonly Traceback[] {
  const found: Traceback[] = [];
  for (let start = 0; start < lines.length; start += 1) {
    if (!tracebackStart.test(lines[start] ?? "")) continue;
    let place: string | null = null;
    let end = start + 1;
    for (; /^\s/.test(lines[end] ?? ""); end += 1) {
      const [, file = "", number] = frame.exec(lines[end] ?? "") ?? [];
      if (file !== "" && !foreignFrame.test(file)) place = `${shortName(file)}, line ${number}`;
    }
    const line = lines[end] ?? "";
    // A traceback that begins among these frames has the same end, so these lines need not be read again.
    start = end - 1;
    if (!pythonException.test(line)) continue;
    let next = end + 1;
    while (lines[next] === "") next += 1;
    found.push({ line, place, end, isCauseOfNext: lines[next] === directCauseLine });
    start = end;
  }
  return found;
}

/**
 * Follows the chain of causes back from the last exception to the innermost one. If that exception did not pass through
 * our code, its place comes from the next exception that did.
 */
function innermost(found: readonly Traceback[]): Traceback | undefined {
  let index = found.length - 1;
  while (found[index - 1]?.isCauseOfNext) index -= 1;
  const first = found[index];
  const place = found.slice(index).find((one) => one.place !== null)?.place ?? null;
  return first && { ...first, place };
}

function lastMatch(lines: readonly string[], pattern: RegExp): string | undefined {
  return lines.map((line) => pattern.exec(line)?.[1]).findLast((match) => match !== undefined);
}

function lastJavaCause(lines: readonly string[]): string | undefined {
  return lastMatch(lines, /^Caused by: (.+)/) ?? lastMatch(lines, javaInThread) ?? lastMatch(lines, javaCause);
}

/**
 * Finds the root cause in a log: the job's own statement, otherwise the exception of the last Python traceback,
 * otherwise Java's last "Caused by".
 */
export function rootCause(log: string): RootCause | undefined {
  const lines = logLines(log).map((line) => line.trimEnd());
  const python = innermost(tracebacks(lines));
  const stated = lastMatch(lines, statementLine);
  if (stated !== undefined) {
    const place = python && stated.endsWith(python.line) ? python.place : null;
    return { line: stated, place, isStated: true };
  }
  const after = python ? lines.slice(python.end + 1) : lines;
  const java = !python || javaWrapper.test(python.line) ? lastJavaCause(after) : undefined;
  if (java !== undefined) return { line: java, place: python?.place ?? null, isStated: false };
  if (python) return { line: python.line, place: python.place, isStated: false };
  const stray = lines.findLast((line) => strayPythonException.test(line));
  return stray === undefined ? undefined : { line: stray, place: null, isStated: false };
}

/**
 * YARN's or the kernel's reason for the end of an executor. The executor's processes may have logged other errors as they
 * ended; these are not the cause.
 */
const lostExecutor =
  /ExecutorLostFailure \([^)]{1,100}\) Reason: [^\n]{0,300}?(?:killed by YARN|on a \*lost\* node|Exit status: (?:137|-100)\b)/;

/**
 * Whether a line only says that something failed, such as Spark's summary of a failed task or executor. Other lines may
 * then show the cause.
 */
export function isVague(line: string): boolean {
  if (lostExecutor.test(line)) return false;
  return (
    /^(?:[\w.]{1,200}\.)?(?:EOFException|SparkException|Py4J\w{0,30}Error|ConnectException|ConnectionRefusedError|ConnectionResetError|BrokenPipeError|SystemExit|SparkUserAppException|InterruptedException|ClosedChannelException)\b/.test(
      line,
    ) || /SparkContext was shut down|failed status|Unknown Error|exited? with (?:status|exitCode|code)/i.test(line)
  );
}

/** Lines without information about a failure: Java's frames, Python's underlining, and Spark's INFO lines. */
const noise =
  /^\s{1,100}(?:at \S{1,300}\(|\.\.\. \d{1,9} more|\^{1,500}$)|^Driver stacktrace:|^\d\d\/\d\d\/\d\d \d\d:\d\d:\d\d INFO /;

/** Whether a line tells nothing about a failure. */
export function isNoise(line: string): boolean {
  return line.trim() === "" || noise.test(line);
}

/** The last informative lines of a log, each of bounded length. */
export function lastLines(log: string, count = 20): readonly string[] {
  return logLines(log)
    .filter((line) => !isNoise(line))
    .slice(-count)
    .map((line) => cutText(line, 300));
}
