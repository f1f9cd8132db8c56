// A log can be hostile, or just unlucky: no pattern of the diagnosis may take time that grows with the square of its size.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type AstNode, parse } from "regjsparser";
import { describe, expect, it } from "vitest";
import { parseAst } from "vitest/node";
import { explainClusterMessage } from "../../../lambdas/diagnosis/cluster-failures.ts";
import { explainFunctionError } from "../../../lambdas/diagnosis/function-failures.ts";
import { explainFatal, explainLine } from "../../../lambdas/diagnosis/step-failures.ts";
import { isVague, lastLines, rootCause } from "../../../shared/root-cause.ts";
import { isDeep } from "../../deep.ts";
import { diagnose, failedStep, LogBucket, onCluster, stepError } from "./failed-run.ts";

const folder = join(import.meta.dirname, "../../../lambdas/diagnosis");
/** A pattern may try this many ways to match at each character: 4 MiB of text then take seconds at worst. */
const mostWays = 15_000;
/** The same for a pattern that is tried once for each line, of 2,000 characters at most. */
const mostWaysOfLine = 300_000;

interface Literal {
  readonly file: string;
  readonly pattern: string;
  readonly flags: string;
}

function literalsIn(file: string): readonly Literal[] {
  const found: Literal[] = [];
  JSON.stringify(parseAst(readFileSync(join(folder, file), "utf8"), { lang: "ts" }), (_, node: unknown) => {
    const { regex } = (node ?? {}) as { readonly regex?: Omit<Literal, "file"> };
    if (regex) found.push({ file, ...regex });
    return node;
  });
  return found;
}

type Node = AstNode<{ lookbehind: true }>;

/** Whether no repeated character can also be the one that follows: the repetition then ends at exactly one place. */
function isDisjoint([body]: readonly Node[], next: Node | undefined): boolean {
  if (body === undefined || next?.type !== "value" || body.type === "group") return false;
  return !new RegExp(body.raw).test(String.fromCodePoint(next.codePoint));
}

/**
 * Upper bound of the ways in which a pattern can match at one position. A repetition without a limit makes it infinite,
 * except at the very end of the pattern, where it never has to be tried again.
 */
function waysOf(node: Node, next: Node | undefined, isLast: boolean): number {
  if (node.type === "disjunction") return node.body.reduce((sum, each) => sum + waysOf(each, next, isLast), 0);
  if (node.type === "alternative" || node.type === "group") {
    return node.body.reduce((product, each, index) => {
      const isLastHere = isLast && index === node.body.length - 1;
      return product * waysOf(each, node.body[index + 1] ?? next, isLastHere);
    }, 1);
  }
  if (node.type !== "quantifier") return 1;
  const [body] = node.body;
  if (isLast && node.greedy && body?.type !== "group") return 1;
  if (node.max === undefined) return Number.POSITIVE_INFINITY;
  if (node.max > 1 && isDisjoint(node.body, next)) return 1;
  const inner = body === undefined ? 1 : waysOf(body, next, isLast && node.max === 1);
  return node.max === 1 ? inner + 1 : inner ** node.max * (node.max - node.min + 1);
}

function beginsAtStart(node: Node): boolean {
  if (node.type === "disjunction") return node.body.every(beginsAtStart);
  if (node.type === "alternative") return node.body[0] !== undefined && beginsAtStart(node.body[0]);
  return node.type === "anchor" && node.kind === "start";
}

const files = [...readdirSync(folder), "../../shared/root-cause.ts"];
const literals = files.flatMap(literalsIn);

describe("the patterns", () => {
  it.each(literals)("of $file have bounds: /$pattern/$flags", ({ pattern, flags }) => {
    const root = parse(pattern, flags, { lookbehind: true });
    const isOfLine = beginsAtStart(root) && !flags.includes("m");

    expect(waysOf(root, undefined, true)).toBeLessThanOrEqual(isOfLine ? mostWaysOfLine : mostWays);
  });

  it.each(["a[^\\n]*b", "\\s*\\n\\s*- ", "^(?:a+)+$", "(?:[\\w.]{1,200}){1,200}x"])(
    "would be refused as /%s/",
    (pattern) => {
      expect(waysOf(parse(pattern, "", { lookbehind: true }), undefined, true)).toBeGreaterThan(mostWays);
    },
  );
});

/** Beginnings of what the patterns look for, and the parts of logs that repeat. */
const parts = [
  "AmazonS3Exception: ",
  "AccessDeniedException: s3://",
  "Path does not exist: s3a://",
  "key '",
  "is not authorized to perform: s3:a on resource: arn:",
  "Could not open ",
  "Traceback (most recent call last):\n",
  "  Traceback (most recent call last):\n",
  "Traceback (most recent call last):\nE\n",
  'Exception in thread "',
  "Caused by: a.",
  "java.lang.OutOfMemoryError: ",
  "(x executor 1",
  "appattempt_",
  "sufficient ",
  "+ ",
  "a.",
  " ",
  "\n",
  " \n",
  "\r",
];

/** Characters of a log that repeats one part. The bounds of the patterns do not depend on it. */
const repeatedLength = isDeep ? 1_000_000 : 20_000;

describe("a log is diagnosed", () => {
  // The time limit of a test ends a pattern that hangs. Some patterns did so for minutes.
  it.each(parts)("that repeats %j", (part) => {
    const text = part.repeat((isDeep && part === parts[0] ? 5_000_000 : repeatedLength) / part.length);
    const evidence = { text, cluster: undefined };

    explainLine(text, evidence);
    explainFatal(evidence);
    explainFunctionError(undefined, text);
    explainClusterMessage(text, undefined);
    isVague(text);
    const cause = rootCause(text);
    const excerpt = lastLines(text);

    expect(cause?.line.length ?? 0).toBeLessThanOrEqual(2_000);
    for (const line of excerpt) expect(line.length).toBeLessThanOrEqual(300);
  });

  it("from the bucket, with a cause that is short enough for a mail", async () => {
    const logs = new LogBucket();
    logs.write("steps/s-2/stderr.gz", [
      "AmazonS3Exception: ".repeat(260_000),
      `orchard: error: ${"AmazonS3Exception: ".repeat(150_000)}`,
    ]);

    const { cause, excerpt } = await diagnose(logs, onCluster(stepError), { steps: [failedStep] });

    expect(cause).toMatch(/^AmazonS3Exception: .*…$/);
    expect(cause.length).toBeLessThanOrEqual(1_000);
    expect(excerpt.map((line) => line.length)).toEqual([300, 300]);
  });
});
