// Bounds the excerpts in messages and mails: an execution input may have 256 KiB, and a log several megabytes.

const maxValueLength = 200;
const maxItems = 20;
/** Step Functions limits a Cause to 32,768 characters. Lambda's has the message twice, because its stack trace repeats it. */
const maxMessageBytes = 8_192;

/** Cuts a text to a length, without splitting a character. */
export function cutText(text: string, maxLength = maxValueLength): string {
  if (text.length <= maxLength) return text;
  return `${text.slice(0, maxLength - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}

/** Quotes a value as JSON, cut to 200 characters. */
export function quoteValue(value: unknown): string {
  return cutText(JSON.stringify(value) ?? String(value));
}

/** Keeps the first items of a list and appends the number of the others. */
export function cutList(items: readonly string[], count = maxItems): readonly string[] {
  const left = items.length - count;
  return left <= 0 ? items : [...items.slice(0, count), `… and ${left.toLocaleString("en-US")} more`];
}

/** Completes a sentence with a single item, or with the first items of a list, one per line. */
export function colonAndItems(items: readonly string[]): string {
  return items.length === 1 ? `: ${items[0]}` : `:\n- ${cutList(items).join("\n- ")}`;
}

/** Cuts a message to 8 KiB of UTF-8. */
export function cutMessage(text: string): string {
  // UTF-8 takes at most 3 bytes for each UTF-16 code unit, which JavaScript counts as the length.
  if (3 * text.length <= maxMessageBytes || Buffer.byteLength(text) <= maxMessageBytes) return text;
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxMessageBytes - 3));
  return `${text.slice(0, read)}…`;
}

/** A character that ends a line, controls a terminal or reverses the direction of text. */
export const controls = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** Replaces the `controls` with spaces, so that quoted text cannot look like a line of our own. */
export function withoutControls(text: string): string {
  return text.replaceAll(controls, " ");
}

/** Puts a message on one line, with list items joined by semicolons. */
export function oneLine(text: string): string {
  const parts = text
    .split("\n")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  const joined = parts.map((part, index) => {
    const previous = parts[index - 1];
    if (previous === undefined || !part.startsWith("- ")) return `${index > 0 ? " " : ""}${part}`;
    return `${previous.endsWith(":") ? " " : "; "}${part.slice(2)}`;
  });
  return withoutControls(joined.join("")).replaceAll(/\s+/g, " ").trim();
}
