import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import { execa, execaSync } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { completionScript, type Shell, shells } from "../../../cli/terminal/completion-scripts.ts";
import { listCompleted } from "../../../cli/terminal/completion-tree.ts";
import { runInProcess } from "../terminal/in-process.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "orchard-completion-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function orchard(...args: readonly string[]) {
  return runInProcess("completion", ...args);
}

describe("orchard completion", () => {
  it("prints a script that bash loads and that completes modes", async () => {
    const { exitCode, stdout, stderr } = await orchard("bash");

    expect(stderr).toBe("");
    expect(exitCode).toBe(0);
    expect(await askBash(stdout, "run", "--mode", "")).toEqual(["inventory", "mini", "apples", "full", "single-class"]);
    expect(await askBash(stdout, "sho")).toEqual(["show"]);
    expect(await askBash(stdout, "list", "--js")).toEqual(["--json"]);
    expect(await askBash(stdout, "completion", "z")).toEqual(["zsh"]);
    // Commands for work on the project are not offered.
    expect(await askBash(stdout, "licen")).toEqual([]);
  });

  it("prints the words as JSON", async () => {
    const { commands } = JSON.parse((await orchard("bash", "--json")).stdout);

    expect(commands).toContainEqual(expect.objectContaining({ path: "orchard completion", choices: [...shells] }));
  });

  it("refuses another shell, with exit code 2", async () => {
    const { exitCode, stdout, stderr } = await orchard("tcsh");

    expect(stderr).toContain("Allowed choices are bash, zsh, fish");
    expect(stdout).toBe("");
    expect(exitCode).toBe(2);
  });
});

// Descriptions with everything that a shell would expand.
const tree = new Command("orchard")
  .addCommand(
    new Command("run")
      .description("it's $(touch hacked) `touch hacked` \\ a:b")
      .addOption(new Option("-m, --mode <mode>", 'which "images"').choices(["mini", "split/label"]))
      .option("--dataset <folder>", "images")
      .option("--json", "JSON"),
  )
  .addCommand(new Command("local").addCommand(new Command("stop").option("--now", "at once")));

/** The words before the cursor, and the words that are offered. */
const questions: readonly (readonly [words: readonly string[], offered: readonly string[]])[] = [
  [["r"], ["run"]],
  [
    ["run", "--mode", ""],
    ["mini", "split/label"],
  ],
  [["run", "-m", "s"], ["split/label"]],
  [["run", "--mode", "mini", "--js"], ["--json"]],
  [["run", "--j"], ["--json"]],
  [["local", "s"], ["stop"]],
  [["local", "stop", "--n"], ["--now"]],
];

async function askBash(script: string, ...words: readonly string[]): Promise<readonly string[]> {
  const file = join(folder, "orchard.bash");
  writeFileSync(file, script);
  const ask = `source "$1"; shift; COMP_WORDS=(orchard "$@"); COMP_CWORD=$#; _orchard; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return lines((await execa("bash", ["-c", ask, "bash", file, ...words], { cwd: folder })).stdout);
}

/** Stands in for zsh's own functions, which need a terminal: these print all words that they get. */
const zshFunctions = `
compdef() { : }
_describe() { local name=\${@[-1]}; print -rl -- "\${(@)\${(@P)name}%%:*}" }
compadd() { shift; print -rl -- "$@" }
_files() { : }
`;

async function askZsh(script: string, ...words: readonly string[]): Promise<readonly string[]> {
  const file = join(folder, "orchard.zsh");
  writeFileSync(file, zshFunctions + script);
  const ask = 'source "$1"; shift; words=(orchard "$@"); CURRENT=$#words; _orchard';
  const { stdout } = await execa("zsh", ["-f", "-c", ask, "zsh", file, ...words], { cwd: folder });
  return lines(stdout).filter((word) => word.startsWith(words.at(-1) ?? ""));
}

async function askFish(script: string, ...words: readonly string[]): Promise<readonly string[]> {
  const file = join(folder, "orchard.fish");
  writeFileSync(file, script);
  const ask = "source $argv[1]; complete -C $argv[2]";
  const env = { HOME: folder };
  const { stdout } = await execa("fish", ["--no-config", "-c", ask, file, `orchard ${words.join(" ")}`], {
    cwd: folder,
    env,
  });
  return lines(stdout).map((line) => line.split("\t")[0] ?? "");
}

function lines(text: string): readonly string[] {
  return text.split("\n").filter((line) => line !== "");
}

const ask = { bash: askBash, zsh: askZsh, fish: askFish };

function isMissing(shell: Shell): boolean {
  return execaSync(shell, ["--version"], { reject: false }).failed;
}

describe.each(shells)("%s", (shell) => {
  const missing = isMissing(shell);
  if (missing) process.stderr.write(`SKIPPED: ${shell} is not installed, so its completion is not tested.\n`);

  it.skipIf(missing).each(questions)("offers after %j the words %j", async (words, offered) => {
    expect(await ask[shell](completionScript(shell, listCompleted(tree)), ...words)).toEqual(offered);
  });
});
