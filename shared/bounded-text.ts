// Bounds what messages and mails repeat of execution inputs and logs, which may have up to 256 KiB and several megabytes.

const maxValueLength = 200;
const maxItems = 20;
/** Step Functions limits a Cause to 32,768 characters, and Lambda's cause has the message twice: in its stack trace, too. */
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

/** Keeps the first items of a list and adds how many there are beyond them. */
export function cutList(items: readonly string[], count = maxItems): readonly string[] {
  const left = items.length - count;
  return left <= 0 ? items : [...items.slice(0, count), `… and ${left.toLocaleString("en-US")} more`];
}

/** Continues a sentence by its only item, or by the first items of a list, one a line. */
export function colonAndItems(items: readonly string[]): string {
  return items.length === 1 ? `: ${items[0]}` : `:\n- ${cutList(items).join("\n- ")}`;
}

/** Cuts a message to 8 KiB of UTF-8. */
export function cutMessage(text: string): string {
  // A character has at most 3 bytes for each of JavaScript's code units.
  if (3 * text.length <= maxMessageBytes || Buffer.byteLength(text) <= maxMessageBytes) return text;
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxMessageBytes - 3));
  return `${text.slice(0, read)}…`;
}

/** A character that ends a line, controls a terminal or reverses the direction of text. */
export const controls = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** Replaces each such character by a space, so that quoted text cannot pass for lines of ours. */
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
