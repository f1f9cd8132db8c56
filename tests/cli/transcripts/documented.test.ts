import { describe, expect, it } from "vitest";
import { Names, readSections } from "./documented.ts";

const markdown = `# Title
## Stop: \`orchard stop RUN\`
Text.
\`\`\`console
$ orchard stop nightly
✖ Confirm

$ echo $?
2
# A comment
\`\`\`
\`\`\`bash
$ orchard other
\`\`\`
\`\`\`console
$ orchard list
\`\`\`
## Without a transcript
`;

it("reads the commands of each section's console blocks, with their outputs", () => {
  expect([...readSections(markdown)]).toEqual([
    [
      "Stop: `orchard stop RUN`",
      [
        { command: "orchard stop nightly", output: "✖ Confirm" },
        { command: "echo $?", output: "2\n# A comment" },
        { command: "orchard list", output: "" },
      ],
    ],
  ]);
});

describe("a documented output", () => {
  it.each([
    ["a\nb", "a\nb"],
    ["", ""],
    ["a\n…\nd", "a\nb\nc\nd"],
    ["a\n…\nd", "a\nd"],
    ["…", ""],
    ["a\n…\n… c", "a\nb\nb c"],
    ["a … c\nd", "a b c\nd"],
    ['{"a":1,…,"c":3,…}', '{"a":1,"b":2,"c":3,"c":4}'],
    [" RUN    USD", " RUN              USD"],
    ["for 3.2 s at 2026-01-02 03:04 UTC", "for 1m 20s at 2030-12-31 23:59 GMT+1"],
    ["5 images (20 kB), 40.12 %", "5 images (1.5 MB), 1.00 %"],
    [" a  2.188  -31.25\n b", " a  -0.1745  5.686\n b"],
    [" a  3.2  b", " a  10.1  b"],
    ["http://127.0.0.1:4566/x", "http://127.0.0.1:40173/x"],
  ])("%j stands for %j", (documented, real) => {
    expect(new Names().match(documented, real)).toBe(true);
  });

  it.each([
    ["a", "a\nb"],
    ["a", "b"],
    ["a\n…\nd", "a\nbd"],
    ["a … c", "a b\nc"],
    ["5 images", "6 images"],
    ["a b", "a  b"],
    ["3.2 images", "3.3 images"],
    ["0.08 USD", "0.09 USD"],
    ["run-20261129-092552-1391", "run-latest"],
    ["j-4HC0QRP6Y5SRB", "j-1"],
  ])("%j does not stand for %j", (documented, real) => {
    expect(new Names().match(documented, real)).toBe(false);
  });

  it("has the same name for the same run everywhere", () => {
    const names = new Names();

    expect(names.match("run-20261129-092552-1391", "run-20300101-000000-abcd")).toBe(true);
    expect(names.replaceIn("orchard show run-20261129-092552-1391")).toBe("orchard show run-20300101-000000-abcd");
    expect(names.match("run-20261129-092552-1391 FAILED", "run-20300101-000000-ffff FAILED")).toBe(false);
  });
});
