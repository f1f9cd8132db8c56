/** An error response of an AWS API; `name` is the AWS error code. */
export class AwsError extends Error {
  readonly status: number;

  constructor(code: string, message: string, status = 400) {
    super(message);
    this.name = code;
    this.status = status;
  }
}

export type JsonObject = { readonly [key: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns the name and the message of an error for a log line. */
export function errorText(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** Returns seconds since the epoch, the timestamp format of AWS's JSON protocols. */
export function epochSeconds(date: Date = new Date()): number {
  return date.getTime() / 1000;
}

/** Returns one page of a list; the token is the index of its first item. @throws AwsError InvalidToken */
export function page<T>(
  items: readonly T[],
  token: string | undefined,
  size: number,
): { readonly items: readonly T[]; readonly next?: string } {
  const start = token === undefined ? 0 : Number(token);
  if (!Number.isInteger(start) || start < 0) {
    throw new AwsError("InvalidToken", `The pagination token '${token}' was not issued by this API.`);
  }
  const next = start + size < items.length ? String(start + size) : undefined;
  return { items: items.slice(start, start + size), ...(next === undefined ? {} : { next }) };
}
