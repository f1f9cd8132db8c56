/** Replaces separators by single spaces, because mails and causes format lists of problems differently. */
export function squeeze(text: string): string {
  return text.replaceAll(/[\s;-]+/g, " ").trim();
}
