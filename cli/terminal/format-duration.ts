import prettyMilliseconds from "pretty-ms";

/** Formats seconds: `8.9 s`, `2m 1s`. */
export function formatDuration(seconds: number): string {
  return seconds < 60 ? `${seconds.toFixed(1)} s` : prettyMilliseconds(seconds * 1_000, { secondsDecimalDigits: 0 });
}

/** Formats a time in the person's zone, with the zone: `2026-01-02 04:04 GMT+1`. */
export function formatLocalTime(time: Date): string {
  // Sweden writes dates as ISO 8601 does.
  return time.toLocaleString("sv-SE", {
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    timeZoneName: "short",
  });
}
