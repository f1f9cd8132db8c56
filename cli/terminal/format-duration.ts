import prettyMilliseconds from "pretty-ms";

/** Formats seconds: `8.9 s`, `2m 1s`. */
export function formatDuration(seconds: number): string {
  return seconds < 60 ? `${seconds.toFixed(1)} s` : prettyMilliseconds(seconds * 1_000, { secondsDecimalDigits: 0 });
}
