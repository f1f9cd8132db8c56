/** Separators become single spaces, because a list of problems is printed on one line. */
export function squeeze(text: string): string {
  return text.replaceAll(/[\s;-]+/g, " ").trim();
}
