import { percent } from "../../shared/formatting.ts";

const significant = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });

/** A measured value with four significant digits. */
export function formatValue(value: number): string {
  return significant.format(value);
}

export function formatUsd(usd: number): string {
  return `${usd.toFixed(usd < 10 ? 2 : 0)} USD`;
}

/** A share as a percentage whose sign stays on the line of the number. */
export function formatShare(share: number, digits = 1): string {
  return percent(share, digits).replace(" ", "\u00a0");
}

/** A time span with its two largest units, such as "4 min 5 s". */
export function formatSpan(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  if (milliseconds < 9_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
