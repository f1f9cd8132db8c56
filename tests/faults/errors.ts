/** A service's refusal, as it comes over the wire. */
export class ApiError extends Error {
  readonly status: number;
  constructor(code: string, message: string, status = 400) {
    super(message);
    this.name = code;
    this.status = status;
  }
}

/** A task's failure under the name that Retry and Catch match. */
export class TaskError extends Error {
  constructor(name: string, cause: string) {
    super(cause);
    this.name = name;
  }
}

/** What nobody will ever answer. */
export const never = new Promise<never>(() => undefined);
