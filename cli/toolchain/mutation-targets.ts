import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { UsageError } from "../terminal/command-errors.ts";
import { root } from "./places.ts";

/** The code that decides about clusters, money and numbers. */
export const decidingPaths: readonly string[] = [
  "lambdas/teardown",
  ...["true-cost", "hourly-price", "quote", "planner", "kept-plan", "run-job-flow", "record-actual-cost"].map(
    (name) => `lambdas/planning/${name}.ts`,
  ),
  "lambdas/preflight/checks/capacity-checks.ts",
  "lambdas/results",
  ...["alive-clusters", "running-work", "stop-run"].map((name) => `cli/execution/${name}.ts`),
  "cli/deployment/remove-deployment.ts",
  "spark/orchard/pca.py",
  "spark/orchard/selection.py",
  "spark/orchard/checks.py",
  "spark/orchard/store/compaction.py",
];

/** Files to change, and the tests that should notice it. All paths are relative to the project's folder. */
export interface MutationTarget {
  /** Repeats the path that the user gave. */
  readonly path: string;
  readonly language: "python" | "typescript";
  readonly files: readonly string[];
  readonly tests: readonly string[];
}

function filesBelow(path: string, extension: string): readonly string[] {
  if (!statSync(join(root, path)).isDirectory()) return path.endsWith(extension) ? [path] : [];
  return readdirSync(join(root, path), { recursive: true })
    .map((name) => join(path, String(name)))
    .filter((name) => name.endsWith(extension))
    .sort();
}

function folderOf(path: string): string {
  return statSync(join(root, path)).isDirectory() ? path : dirname(path);
}

/** The tests of a file or folder of TypeScript are in the folder of tests/ with the same path. */
function typeScriptTarget(path: string): MutationTarget {
  return { path, language: "typescript", files: filesBelow(path, ".ts"), tests: [join("tests", folderOf(path))] };
}

/** A file of Python has test files of its own name in the folder of tests/spark/ with the same path. */
function pythonTargets(path: string): readonly MutationTarget[] {
  return filesBelow(path, ".py").flatMap((file) => {
    const folder = join("tests", "spark", relative("spark/orchard", dirname(file)));
    const name = `test_${basename(file, ".py")}`;
    const tests = readdirSync(join(root, folder)).filter(
      (test) => test === `${name}.py` || test.startsWith(`${name}_`),
    );
    const target = { path: file, language: "python" as const, files: [file] };
    return tests.length === 0 ? [] : [{ ...target, tests: tests.map((test) => join(folder, test)) }];
  });
}

/** @throws UsageError if a path is not code that can be mutated, or has no tests */
export function findTargets(paths: readonly string[]): readonly MutationTarget[] {
  return paths.flatMap((given) => {
    const path = relative(root, resolve(root, given));
    const isMutable = /^(lambdas|cli|spark\/orchard)(\/|$)/.test(path) && existsSync(join(root, path));
    if (!isMutable) throw new UsageError(`${given} is no file or folder of lambdas/, cli/ or spark/orchard/.`);
    const targets = path.startsWith("spark") ? pythonTargets(path) : [typeScriptTarget(path)];
    const tested = targets.filter(
      ({ files, tests }) => files.length > 0 && tests.every((test) => existsSync(join(root, test))),
    );
    if (tested.length === 0) throw new UsageError(`${given} has no code with tests of its own in tests/.`);
    return tested;
  });
}
