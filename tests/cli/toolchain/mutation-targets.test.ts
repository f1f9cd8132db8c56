import { expect, test } from "vitest";
import { UsageError } from "../../../cli/terminal/command-errors.ts";
import { decidingPaths, findTargets } from "../../../cli/toolchain/mutation-targets.ts";

test("a folder is mutated as a whole, and tested by its folder of tests/", () => {
  const [target, ...others] = findTargets(["lambdas/teardown/"]);

  expect(others).toEqual([]);
  expect(target).toMatchObject({ path: "lambdas/teardown", language: "typescript", tests: ["tests/lambdas/teardown"] });
  expect(target?.files).toContain("lambdas/teardown/sweep.ts");
});

test("a file of TypeScript is tested by the folder of tests/ of its folder, a file of Python by the files of its name", () => {
  expect(findTargets(["./lambdas/planning/quote.ts", "spark/orchard/pca.py"])).toEqual([
    {
      path: "lambdas/planning/quote.ts",
      language: "typescript",
      files: ["lambdas/planning/quote.ts"],
      tests: ["tests/lambdas/planning"],
    },
    {
      path: "spark/orchard/pca.py",
      language: "python",
      files: ["spark/orchard/pca.py"],
      tests: ["tests/spark/test_pca.py"],
    },
  ]);
});

test("a folder of Python has a target for each file with tests", () => {
  const paths = findTargets(["spark/orchard"]).map(({ path }) => path);

  expect(paths).toEqual(expect.arrayContaining(["spark/orchard/pca.py", "spark/orchard/store/compaction.py"]));
  expect(paths).not.toContain("spark/orchard/__init__.py");
});

test("without --only, every path exists", () => {
  expect(findTargets(decidingPaths)).toHaveLength(decidingPaths.length);
});

test.each(["infra/app.ts", "lambdas/gone.ts", "../lambdas", "/etc/hosts", "spark/main.py"])("refuses %s", (path) => {
  expect(() => findTargets([path])).toThrow(UsageError);
});
