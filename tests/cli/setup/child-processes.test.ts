import { describe, expect, it } from "vitest";
import { run } from "../../../cli/setup/child-processes.mjs";

/** Collects the lines that the progress of a part shows. */
async function shownBy(printed: string, options: { readonly shown?: RegExp }): Promise<readonly string[]> {
  const lines: string[] = [];
  await run("printf", ["%s", printed], { log: (line) => lines.push(line), hint: "", ...options });
  return lines;
}

describe("the progress of a tool", () => {
  it("is its latest line that is not empty", async () => {
    expect(await shownBy("first\n  second \n\n", {})).toEqual(["second "]);
  });

  it("is its latest line that is meant for people", async () => {
    const chatter = "I0000 00:00:1764400000.000000 4711 port.cc:153] oneDNN custom operations are on.";

    expect(await shownBy(`model: the weights\r${chatter}\n`, { shown: /^model: (.*)$/ })).toEqual(["the weights"]);
    expect(await shownBy(`${chatter}\n`, { shown: /^model: (.*)$/ })).toEqual([]);
  });
});
