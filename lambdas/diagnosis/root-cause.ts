/** What a log gives as the reason of a failure: one line, and where in our code it came from. */
export interface RootCause {
  readonly line: string;
  /** File and line of the innermost frame that is neither Python's, Spark's nor a package's. */
  readonly place: string | null;
  /** The job's own last words, not a guess. */
  readonly isStated: boolean;
}

/** The job's last words, by the contract between the Spark scripts and the functions. */
const statement = /^orchard: error: (.+)$/;
const tracebackStart = /Traceback \(most recent call last\):$/;
const frame = /^\s+File "(.+)", line (\d+), in \S+/;
/** The last line of a Python traceback: a dotted name, then what it says. */
const pythonException = /^(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:: .*)?$/;
/** A line that can only be one, even where the log lost the traceback around it. */
const strayPythonException = /^(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:Error|Exception|Exit|Interrupt)(?:: .*)?$/;
/** `raise … from …`: what comes before is the cause of what comes after. */
const isCauseOfNext = "The above exception was the direct cause of the following exception:";
/** Java prints the outermost exception first and each cause below it; py4j puts it after a colon. */
const javaCause = /^(?:Caused by|Exception in thread "[^"]*"|): ?((?:[a-z]\w*\.)+[A-Z][\w$]*(?::.*)?)$/;
const javaInThread = /^Exception in thread "[^"]*" (.+)$/;
/** It wraps a Java exception, which follows as text. */
const isWrapper = /^py4j\.protocol\.Py4JJavaError/;
const notOurs =
  /\/(?:site-packages|dist-packages|pyspark(?:\.zip)?|py4j[^/]*)\/|\/lib\/python\d|\/lib\/spark\/|^<|\.p(?:xi|yx)$/;

interface Traceback {
  readonly line: string;
  readonly place: string | null;
  /** Line number in the log at which it ends. */
  readonly end: number;
  readonly causes: boolean;
}

/** Wherever a node put our code: in orchard.zip it keeps its folder, elsewhere the file's name says enough. */
function shortName(file: string): string {
  return /orchard\.zip\/(.+)$/.exec(file)?.[1] ?? file.replace(/^.*\//, "");
}

function tracebacks(lines: readonly string[]): readonly Traceback[] {
  const found: Traceback[] = [];
  for (let start = 0; start < lines.length; start += 1) {
    if (!tracebackStart.test(lines[start] ?? "")) continue;
    let place: string | null = null;
    let end = start + 1;
    for (; /^\s+\S/.test(lines[end] ?? ""); end += 1) {
      const [, file = "", number] = frame.exec(lines[end] ?? "") ?? [];
      if (file !== "" && !notOurs.test(file)) place = `${shortName(file)}, line ${number}`;
    }
    const line = lines[end] ?? "";
    if (!pythonException.test(line)) continue;
    const next = lines.slice(end + 1).find((text) => text.trim() !== "");
    found.push({ line, place, end, causes: next === isCauseOfNext });
    start = end;
  }
  return found;
}

/** The last traceback, or what it was raised from; our code may be only in what was raised from it. */
function innermost(found: readonly Traceback[]): Traceback | undefined {
  let index = found.length - 1;
  while (found[index - 1]?.causes) index -= 1;
  const first = found[index];
  const place = found.slice(index).find((one) => one.place !== null)?.place ?? null;
  return first && { ...first, place };
}

function lastMatch(lines: readonly string[], pattern: RegExp): string | undefined {
  return lines.map((line) => pattern.exec(line)?.[1]).findLast((match) => match !== undefined);
}

function lastJavaCause(lines: readonly string[]): string | undefined {
  return lastMatch(lines, /^Caused by: (.+)$/) ?? lastMatch(lines, javaInThread) ?? lastMatch(lines, javaCause);
}

/**
 * The innermost exception of a log: the job's own statement, else the last Python traceback's last line, else Java's
 * last "Caused by".
 */
export function rootCause(log: string): RootCause | undefined {
  const lines = log.split(/\r?\n/).map((line) => line.trimEnd());
  const python = innermost(tracebacks(lines));
  const stated = lastMatch(lines, statement);
  if (stated !== undefined) {
    const place = python && stated.endsWith(python.line) ? python.place : null;
    return { line: stated, place, isStated: true };
  }
  const after = python ? lines.slice(python.end + 1) : lines;
  const java = !python || isWrapper.test(python.line) ? lastJavaCause(after) : undefined;
  if (java !== undefined) return { line: java, place: python?.place ?? null, isStated: false };
  if (python) return { line: python.line, place: python.place, isStated: false };
  const stray = lines.findLast((line) => strayPythonException.test(line));
  return stray === undefined ? undefined : { line: stray, place: null, isStated: false };
}

/**
 * A line that tells that something failed and not what: how Spark sums up the end of a task, an executor or itself.
 * Then other lines are worth a look.
 */
export function isVague(line: string): boolean {
  return (
    /^(?:[\w.]+\.)?(?:EOFException|SparkException|Py4J\w*Error|ConnectException|ConnectionRefusedError|ConnectionResetError|BrokenPipeError|SystemExit|SparkUserAppException|InterruptedException|ClosedChannelException)\b/.test(
      line,
    ) || /SparkContext was shut down|failed status|Unknown Error|exited? with (?:status|exitCode|code)/i.test(line)
  );
}

/** Where Java was, Python's underlining, and what Spark says of its own doings. */
const chatter = /^\s+(?:at \S+\(|\.\.\. \d+ more|\^+$)|^Driver stacktrace:|^\d\d\/\d\d\/\d\d \d\d:\d\d:\d\d INFO /;

/** A log's last lines that say something, each of bounded length. */
export function lastLines(log: string, count = 20): readonly string[] {
  return log
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "" && !chatter.test(line))
    .slice(-count)
    .map((line) => line.slice(0, 300));
}

/** A message as one line: list items are joined by semicolons. */
export function oneLine(text: string): string {
  return text
    .replaceAll(/:\s*\n\s*- /g, ": ")
    .replaceAll(/\s*\n\s*- /g, "; ")
    .replaceAll(/\s+/g, " ")
    .trim();
}
