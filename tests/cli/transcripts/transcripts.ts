import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, vi } from "vitest";
import { root } from "../../../cli/toolchain/places.ts";
import type { EmbeddedAccount } from "../account/started-account.ts";
import { showInProcess } from "../terminal/in-process.ts";
import { type Documented, Names, readSections } from "./documented.ts";

const file = join(root, "docs", "cli.md");
/** Writes the real output into docs/cli.md where it differs: ORCHARD_WRITE_TRANSCRIPTS=1 vitest run tests/cli/commands */
const writes = process.env["ORCHARD_WRITE_TRANSCRIPTS"] === "1";

export interface Outcome {
  readonly exitCode: number | undefined;
  /** Standard output and standard error, as a terminal shows them. */
  readonly output: string;
}

export type Runner = (...args: readonly string[]) => Promise<Outcome>;

/** The transcripts of docs/cli.md, whose sections a test plays one by one. */
export class Transcripts {
  readonly names = new Names();
  readonly #account: Pick<EmbeddedAccount, "env" | "home">;
  readonly #sections = readSections(readFileSync(file, "utf8"));
  readonly #played = new Set<string>();

  /** @param account the account to which the commands of this process lead */
  constructor(account: Pick<EmbeddedAccount, "env" | "home">) {
    this.#account = account;
  }

  /** The sections that were not played yet. */
  get left(): readonly string[] {
    return [...this.#sections.keys()].filter((heading) => !this.#played.has(heading));
  }

  /**
   * Runs the commands of a section in order, and expects their documented outputs.
   *
   * @param command the heading contains it in backticks
   */
  async play(command: string, run: Runner = (...args) => this.#run(args)): Promise<void> {
    const [heading, documented] = [...this.#sections].find(([text]) => text.includes(`\`orchard ${command}`)) ?? [];
    if (heading === undefined || !documented) throw new Error(`docs/cli.md has no transcript of ${command}`);
    this.#played.add(heading);
    let exitCode: number | undefined;
    for (const entry of documented) {
      const [program, ...args] = splitWords(this.names.replaceIn(entry.command));
      const isExitCode = entry.command === "echo $?";
      if (!isExitCode && program !== "orchard") throw new Error(`A transcript cannot run ${entry.command}`);
      const outcome = isExitCode ? { exitCode: 0, output: String(exitCode) } : await run(...args);
      ({ exitCode } = outcome);
      const output = args.includes("--json") ? inOneLine(outcome.output) : outcome.output;
      this.#compare(entry, this.#generalize(output));
    }
  }

  /** Runs a command in this process: with a profile, as a person without the account's variables. */
  async #run(args: readonly string[]): Promise<Outcome> {
    const { env } = this.#account;
    const isElsewhere = args.includes("--profile");
    for (const name of Object.keys(env)) if (isElsewhere && name.startsWith("AWS_")) vi.stubEnv(name, undefined);
    const outcome = await showInProcess(...args);
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    return outcome;
  }

  /** Replaces the folders of this machine. */
  #generalize(output: string): string {
    const { home } = this.#account;
    return output
      .replaceAll(join(home, "account"), "/home/me/.orchard/account")
      .replaceAll(home, "/home/me")
      .replaceAll(root, "/home/me/orchard")
      .replaceAll(/^\n+|\s+$/g, "");
  }

  #compare(entry: Documented, real: string): void {
    if (this.names.match(entry.output, real)) return;
    if (writes) rewrite(entry, real);
    else expect(`$ ${entry.command}\n${real}`).toBe(`$ ${entry.command}\n${entry.output}`);
  }
}

/** The JSON objects of an output without line breaks; a message may follow. */
function inOneLine(output: string): string {
  const end = output.lastIndexOf("}") + 1;
  return `${JSON.stringify(JSON.parse(output.slice(0, end)))}${output.slice(end)}`;
}

/** Splits a command line at its spaces outside of quotes. */
function splitWords(line: string): readonly string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|\S+/g)].map(([word, single, double]) => single ?? double ?? word);
}

function rewrite({ command, output }: Documented, real: string): void {
  const text = readFileSync(file, "utf8");
  const before = [`$ ${command}`, output].filter(Boolean).join("\n");
  writeFileSync(
    file,
    text.replace(`${before}\n`, () => `$ ${command}\n${real}\n`),
  );
}
