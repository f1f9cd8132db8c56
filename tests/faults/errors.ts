/** A task's failure under the name that Retry and Catch match. */
export class TaskError extends Error {
  constructor(name: string, cause: string) {
    super(cause);
    this.name = name;
  }
}

/** What nobody will ever answer. */
export const never = new Promise<never>(() => undefined);
