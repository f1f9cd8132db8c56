/** Formats a time as `2026-01-01 12:30 UTC`. */
export function describeTime(iso: string): string {
  return `${iso.slice(0, 16).replace("T", " ")} UTC`;
}

/** Formats a count, such as 67692 as `67,692`. */
export function formatCount(count: number): string {
  return count.toLocaleString("en");
}

/** Formats a count with its noun: `1 image`, `2 images`. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Formats a share as a percentage. */
export function percent(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/** Formats a share below a limit, with enough digits for the two to look different. */
export function percentBelow(share: number, limit: number): string {
  let digits = 1;
  while (digits < 15 && percent(share, digits) === percent(limit, digits)) digits += 1;
  return percent(share, digits);
}
