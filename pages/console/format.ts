const time = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dateAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const dayAndMinute = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "numeric",
  hour: "numeric",
  minute: "2-digit",
});

/** @param seconds since the epoch, as all times of AWS's JSON */
export function formatTime(seconds: number): string {
  return time.format(seconds * 1000);
}

export function formatDateTime(seconds: number): string {
  return dateAndTime.format(seconds * 1000);
}

/** Without the year and the seconds, for lists. */
export function formatMinute(seconds: number): string {
  return dayAndMinute.format(seconds * 1000);
}

/** 0.42 s, 7.1 s, 48 s, 3 min 5 s, 1 h 12 min */
export function formatDuration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(seconds < 1 ? 2 : 1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** Formats JSON with line breaks; returns any other text unchanged. */
export function formatJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

/** The cause of an error as text. The cause of a function's error is JSON, so only its message is returned. */
export function formatCause(cause: string): string {
  const json = formatJson(cause);
  if (!json.startsWith("{")) return json;
  const { errorMessage }: { readonly errorMessage?: unknown } = JSON.parse(json);
  return typeof errorMessage === "string" ? errorMessage : json;
}

/** Words of a status constant: TERMINATED_WITH_ERRORS -> Terminated with errors */
export function formatConstant(constant: string): string {
  const words = constant.replaceAll("_", " ").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
