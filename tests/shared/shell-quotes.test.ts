import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { quoteArgument, quoteForShell } from "../../shared/shell-quotes.ts";

const texts = ["plain", "", "a b", "it's", "$HOME `id` \\", '"{}"', "*", "a\nb", "é", "--x=1,2"];

test.each([quoteForShell, quoteArgument])("a shell reads what %o has quoted as one unchanged word", (quote) => {
  const output = execFileSync("sh", ["-c", `printf '%s\\0' ${texts.map(quote).join(" ")}`], { encoding: "utf8" });

  expect(output.split("\0").slice(0, -1)).toEqual(texts);
});

test("a plain argument stays without quotes", () => {
  expect(quoteArgument("/photos/Training")).toBe("/photos/Training");
});
