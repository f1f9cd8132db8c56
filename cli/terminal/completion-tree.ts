// Reduces the tree of commands to what a shell completes.
import type { CommandUnknownOpts } from "@commander-js/extra-typings";

/** A word that a shell offers. */
export interface Candidate {
  readonly word: string;
  /** One line. */
  readonly description: string;
}

export interface CompletedOption extends Candidate {
  readonly word: `--${string}`;
  readonly short: string | undefined;
  readonly takesValue: boolean;
  /** The values to offer; a shell offers files for an option with a value and none of these. */
  readonly choices: readonly string[];
}

export interface CompletedCommand {
  /** The words that lead to the command, such as "orchard local down". */
  readonly path: string;
  readonly commands: readonly Candidate[];
  readonly options: readonly CompletedOption[];
  /** Choices of its arguments. */
  readonly choices: readonly string[];
}

function firstLine(text: string): string {
  return text.split("\n")[0] ?? "";
}

/** Lists the command and all commands below it. Those that are hidden from the help are left out. */
export function listCompleted(command: CommandUnknownOpts, parents = ""): readonly CompletedCommand[] {
  const path = `${parents} ${command.name()}`.trim();
  const help = command.createHelp();
  const below = help.visibleCommands(command).filter((child) => child.name() !== "help");
  const options = help.visibleOptions(command).map(
    (option): CompletedOption => ({
      word: `--${option.long?.slice(2) ?? option.name()}`,
      short: option.short,
      description: firstLine(option.description),
      takesValue: option.required || option.optional,
      choices: option.argChoices ?? [],
    }),
  );
  const here: CompletedCommand = {
    path,
    commands: below.map((child) => ({
      word: child.name(),
      description: firstLine(child.summary() || child.description()),
    })),
    options,
    choices: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
  };
  return [here, ...below.flatMap((child) => listCompleted(child, path))];
}
