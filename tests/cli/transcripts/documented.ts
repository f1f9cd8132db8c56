// Reads the console blocks of docs/cli.md, and compares them with real output. In the documented output,
//
// - a line "…" stands for any lines, and "…" within a line for any text;
// - the values of `placeholders` differ from run to run; a name such as a run's id is the same one everywhere;
// - columns may be padded differently.

/** A command of a console block, and the lines after it. */
export interface Documented {
  readonly command: string;
  readonly output: string;
}

interface Placeholder {
  readonly pattern: RegExp;
  /** Whether the same documented value always stands for the same real value. */
  readonly isName: boolean;
}

/** Values that differ from run to run. */
const placeholders: readonly Placeholder[] = [
  // Names: runs, clusters and steps, buckets and schedules.
  { pattern: /run-\d{8}-\d{6}-[0-9a-f]{4}/, isName: true },
  { pattern: /[js]-[0-9A-Z]{13}/, isName: true },
  { pattern: /orchard-databucket[0-9a-z-]+/, isName: true },
  { pattern: /Orchard-Schedule[0-9A-Z]+-\w+/, isName: true },
  // Times, and the zone of this machine.
  { pattern: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/, isName: false },
  { pattern: /\d{4}-\d\d-\d\d \d\d:\d\d [A-Z]{3,4}(?:[+-]\d+)?/, isName: false },
  // Durations, the minutes of a list, sizes, components and shares.
  { pattern: /(?:\d+\.\d s|(?:\d+h )?\d+m(?: \d+s)?)\b/, isName: false },
  { pattern: /(?<= {2})\d+\.\d(?= {2})/, isName: false },
  { pattern: /\d+(?:\.\d+)? (?:B|kB|MB|GB)\b/, isName: false },
  // Components have four significant digits.
  { pattern: /(?<= {2})-?(?:0\.0*[1-9]\d{3}|[1-9]\.\d{3}|[1-9]\d\.\d\d|[1-9]\d\d\.\d)(?=\s)/, isName: false },
  { pattern: /\d+\.\d\d %/, isName: false },
  // The state of a listed cluster that is alive.
  { pattern: /(?<=[0-9A-Z]{13} {2,})(?:STARTING|BOOTSTRAPPING|RUNNING|WAITING)/, isName: false },
  // The account's address, and its process.
  { pattern: /127\.0\.0\.1:\d+/, isName: false },
  { pattern: /(?<=Process +)\d+/, isName: false },
];
const anyPlaceholder = new RegExp(placeholders.map(({ pattern }) => `(${pattern.source})`).join("|"), "g");

/** Reads the console blocks below each heading. @returns the commands of each section, by the heading's text */
export function readSections(markdown: string): ReadonlyMap<string, readonly Documented[]> {
  const sections = new Map<string, readonly Documented[]>();
  for (const section of markdown.split(/^#{2,} /m).slice(1)) {
    const [heading = ""] = section.split("\n");
    const blocks = [...section.matchAll(/^```console\n([\s\S]*?)^```$/gm)].map(([, block = ""]) => block);
    const commands = blocks.flatMap((block) => block.split(/^\$ /m).slice(1)).map(split);
    if (commands.length > 0) sections.set(heading, commands);
  }
  return sections;
}

function split(entry: string): Documented {
  const [command = "", ...lines] = entry.trimEnd().split("\n");
  return { command, output: lines.join("\n") };
}

/** The real values of the documented names. */
export class Names {
  readonly #real = new Map<string, string>();

  bind(documented: string, real: string): void {
    this.#real.set(documented, real);
  }

  /** Replaces the documented names that have a real value. */
  replaceIn(text: string): string {
    return [...this.#real].reduce((replaced, [documented, real]) => replaced.replaceAll(documented, real), text);
  }

  /** Whether the real output is the documented one. Keeps the real values of the names in the part that matches. */
  match(documented: string, real: string): boolean {
    const text = `${real}\n`;
    const pieces = `${documented}\n`.split(/(^…\n|…)/m);
    let end = 0;
    let skip = "";
    // Each piece is taken where it first occurs: trying all places could take minutes.
    for (let index = 0; index < pieces.length; index += 2) {
      const names: string[] = [];
      const source = patternOf(pieces[index] ?? "", names);
      const isLast = index === pieces.length - 1;
      skip += skipped(pieces[index - 1]);
      if (source === "" && !isLast) continue;
      const pattern = new RegExp(`${skip}${source}${isLast ? "$" : ""}`, "y");
      skip = "";
      pattern.lastIndex = end;
      const [found, ...values] = pattern.exec(text) ?? [];
      if (found === undefined || !names.every((name, at) => this.#agree(name, values[at] ?? ""))) return false;
      end = pattern.lastIndex;
    }
    return true;
  }

  #agree(documented: string, real: string): boolean {
    const bound = this.#real.get(documented);
    if (bound === undefined) this.bind(documented, real);
    return bound === undefined || bound === real;
  }
}

/** The pattern for the text that a "…" before a piece stands for. */
function skipped(dots: string | undefined): string {
  if (dots === undefined) return "";
  return dots === "…" ? ".*?" : "(?:.*\n)*?";
}

/** The pattern of a documented text, with a group for each name, which `names` gets. */
function patternOf(text: string, names: string[]): string {
  let source = "";
  let end = 0;
  for (const { 0: found, index, ...groups } of text.matchAll(anyPlaceholder)) {
    const { pattern, isName } = placeholders.find((_, at) => groups[at + 1] !== undefined) ?? {};
    if (!pattern) throw new Error(`No placeholder is ${found}`);
    source += `${literal(text.slice(end, index))}${isName ? "(" : "(?:"}${pattern.source})`;
    if (isName) names.push(found);
    end = index + found.length;
  }
  return source + literal(text.slice(end));
}

function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll(/ {2,}/g, " {2,}");
}
