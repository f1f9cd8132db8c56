/** A task's failure, under the error name that Retry and Catch match. */
export class TaskError extends Error {
  constructor(name: string, cause: string) {
    super(cause);
    this.name = name;
  }
}

/** Never settles. Stands for an answer that is lost, or that its caller no longer waits for. */
export const never = new Promise<never>(() => undefined);
