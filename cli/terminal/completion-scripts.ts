// Scripts that complete `orchard` in a shell. They hold all words, because starting Node at each press of the Tab key, as the
// libraries for this do, would take a second.
import { quoteArgument } from "../../shared/shell-quotes.ts";
import type { Candidate, CompletedCommand, CompletedOption } from "./completion-tree.ts";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** Returns the script for a shell. */
export function completionScript(shell: Shell, commands: readonly CompletedCommand[]): string {
  const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };
  return scripts[shell](commands);
}

/** One line of a `case` for each command whose words the shell adds to `path` on its way to the word at the cursor. */
function pathCases(commands: readonly CompletedCommand[]): string {
  const paths = commands.slice(1).map(({ path }) => quoteArgument(path));
  return `    case "$path $word" in ${paths.join("|")}) path="$path $word" ;; esac`;
}

function optionPatterns(path: string, { word, short }: CompletedOption): string {
  return [word, ...(short === undefined ? [] : [short])].map((name) => quoteArgument(`${path} ${name}`)).join("|");
}

/** Lines of a `case` over the command and the word before the cursor, for the options that take a value. */
function valueCases(
  commands: readonly CompletedCommand[],
  offer: (choices: readonly string[]) => string,
): readonly string[] {
  return commands.flatMap(({ path, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .map((option) => `    ${optionPatterns(path, option)}) ${offer(option.choices)}; return ;;`),
  );
}

function bashScript(commands: readonly CompletedCommand[]): string {
  const words = commands.map((command) => {
    const offered = [...command.commands, ...command.options].map(({ word }) => word);
    return `    ${quoteArgument(command.path)}) words=${quoteArgument([...command.choices, ...offered].join(" "))} ;;`;
  });
  const offer = (choices: readonly string[]) =>
    choices.length === 0 ? ":" : `COMPREPLY=($(compgen -W ${quoteArgument(choices.join(" "))} -- "$current"))`;
  return `# Completes orchard in bash. Load it from ~/.bashrc: source <(orchard completion bash)
_orchard() {
  local path=orchard words= word
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
${pathCases(commands)}
  done
  case "$path $previous" in
${valueCases(commands, offer).join("\n")}
  esac
  case "$path" in
${words.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _orchard orchard
`;
}

function zshScript(commands: readonly CompletedCommand[]): string {
  const described = (candidates: readonly Candidate[]) =>
    candidates.map(({ word, description }) => quoteArgument(`${word.replaceAll(":", "\\:")}:${description}`)).join(" ");
  const offer = (choices: readonly string[]) =>
    choices.length === 0 ? "_files" : `compadd -- ${choices.map(quoteArgument).join(" ")}`;
  const words = commands.map((command) => {
    const plain = command.choices.map((word) => ({ word, description: "" }));
    return `    ${quoteArgument(command.path)}) found=(${described([...plain, ...command.commands])}); options=(${described(command.options)}) ;;`;
  });
  return `#compdef orchard
# Completes orchard in zsh. Load it from ~/.zshrc, after compinit: source <(orchard completion zsh)
_orchard() {
  local route=orchard word
  local -a found options
  for word in "\${(@)words[2,CURRENT-1]}"; do
${pathCases(commands).replaceAll("path", "route")}
  done
  case "$route \${words[CURRENT-1]}" in
${valueCases(commands, offer).join("\n")}
  esac
  case "$route" in
${words.join("\n")}
  esac
  if [[ "\${words[CURRENT]}" == -* ]]; then _describe -o option options
  elif (( \${#found} )); then _describe command found
  else _files
  fi
}
compdef _orchard orchard
`;
}

function fishScript(commands: readonly CompletedCommand[]): string {
  const lines = commands.flatMap(({ path, commands: below, options, choices }) => {
    const [, ...names] = path.split(" ");
    const inside = names.map((name) => `__fish_seen_subcommand_from ${name}`);
    const condition = `-n ${quoteArgument(inside.length === 0 ? "__fish_use_subcommand" : inside.join("; and "))}`;
    return [
      ...below.map(
        ({ word, description }) => `complete -c orchard ${condition} -a ${word} -d ${quoteFish(description)}`,
      ),
      ...choices.map((word) => `complete -c orchard ${condition} -a ${quoteFish(word)}`),
      ...options.map((option) => `complete -c orchard ${condition} ${fishOption(option)}`),
    ];
  });
  return `# Completes orchard in fish: orchard completion fish > ~/.config/fish/completions/orchard.fish
complete -c orchard -n __fish_use_subcommand -f
${lines.join("\n")}
`;
}

function fishOption({ word, short, description, takesValue, choices }: CompletedOption): string {
  const names = [`-l ${word.slice(2)}`, ...(short === undefined ? [] : [`-s ${short.slice(1)}`])];
  const value = choices.length > 0 ? [`-x -a ${quoteFish(choices.join(" "))}`] : takesValue ? ["-r"] : [];
  return [...names, ...value, `-d ${quoteFish(description)}`].join(" ");
}

/** In fish's single quotes, a backslash escapes itself and the quote. */
function quoteFish(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
