/** A task's failure, under the error name that Retry and Catch match. */
export class TaskError extends Error {
  constructor(name: string, cause: string) {
    super(cause);
    this.name = name;
  }
}

/** Never settles: the answer to a call that is lost or that nobody waits for any more. */
export const never = new Promise<never>(() => undefined);
