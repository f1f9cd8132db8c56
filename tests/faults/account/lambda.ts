import { AsyncLocalStorage } from "node:async_hooks";
import { join } from "node:path";
import { AwsError } from "../../../local/support/aws-error.ts";
import type { DeployedFunction } from "./deployed.ts";
import { never, TaskError } from "./errors.ts";
import type { Caller } from "./records.ts";
import { type Host, load } from "./sandbox.ts";
import type { Simulation } from "./simulation.ts";

export interface Invocation {
  readonly caller: Caller;
  /** ARN of the function's role. */
  readonly role: string;
  readonly sandbox: Pick<Sandbox, "failures">;
  /** Whether the function's time-out has ended the invocation. */
  isOver: boolean;
}

/** The loaded module of a function. It stays warm from one scenario to the next. */
interface Sandbox {
  handler: (event: unknown, context: unknown) => Promise<unknown>;
  host: Host;
  /** Failed requests of its SDK clients. Each one may use up some of a client's 500 retry tokens. */
  failures: number;
}

/** A scenario loads a module anew after so many failures, so that it never starts with few retry tokens. */
const maxFailures = 10;
export const lambdaEnvironment = {
  AWS_REGION: "eu-west-1",
  AWS_ACCESS_KEY_ID: "AKIA0000000000000000",
  AWS_SECRET_ACCESS_KEY: "secret",
  AWS_EC2_METADATA_DISABLED: "true",
  POWERTOOLS_LOG_LEVEL: "SILENT",
  POWERTOOLS_METRICS_DISABLED: "true",
  HOME: "/nonexistent",
};

const warmSandboxes = new Map<string, Sandbox>();
const invocations = new AsyncLocalStorage<Invocation>();

/** Returns the invocation that makes the current request. @throws Error outside of a function */
export function currentInvocation(): Invocation {
  const invocation = invocations.getStore();
  if (invocation === undefined) throw new Error("A request was made outside of a function.");
  return invocation;
}

/** Runs work whose SDK clients' requests belong to an invocation. */
export function runInvocation<T>(invocation: Invocation, work: () => Promise<T>): Promise<T> {
  return invocations.run(invocation, work);
}

/** Lambda's synchronous invocations of the deployed bundles. */
export class Lambda {
  readonly #simulation: Simulation;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  /** Invokes a function. @throws TaskError under the name and with the cause that Step Functions reports */
  async invoke(by: Caller, arn: string, event: unknown): Promise<unknown> {
    // A new object, because the statuses that an invocation has read are recorded by this caller.
    const caller = { ...by };
    const deployed = this.#simulation.deployed.functions.find((one) => one.arn === arn);
    if (deployed === undefined || this.#simulation.isDeleted)
      throw new TaskError("Lambda.ResourceNotFoundException", `Function not found: ${arn}`);
    try {
      return await this.#simulation.call(caller, "lambda:Invoke", () => this.#run(caller, deployed, event));
    } catch (error) {
      if (error instanceof AwsError) throw new TaskError(error.name, error.message);
      if (error instanceof TaskError) throw error;
      const { name, message } = error as Error;
      throw new TaskError(name, JSON.stringify({ errorType: name, errorMessage: message, trace: [] }));
    }
  }

  async #run(caller: Caller, deployed: DeployedFunction, event: unknown): Promise<unknown> {
    const sandbox = this.#sandbox(deployed);
    const invocation: Invocation = { caller, role: deployed.role, sandbox, isOver: false };
    const { promise: timeout, reject } = Promise.withResolvers<never>();
    const timer = this.#simulation.clock.setTimeout(() => {
      // Lambda freezes the function, so its later requests are never sent.
      invocation.isOver = true;
      reject(new TaskError("Lambda.Unknown", `Task timed out after ${deployed.timeoutSeconds}.00 seconds`));
    }, deployed.timeoutSeconds * 1000);
    const context = {
      functionName: deployed.arn.split(":").at(-1),
      awsRequestId: "r",
      invokedFunctionArn: deployed.arn,
    };
    try {
      const work = invocations.run(invocation, () => sandbox.handler(structuredClone(event), context));
      return JSON.parse(JSON.stringify((await Promise.race([work, timeout])) ?? null));
    } finally {
      this.#simulation.clock.clearTimeout(timer);
    }
  }

  #sandbox({ arn, folder, environment }: DeployedFunction): Sandbox {
    const { host } = this.#simulation;
    let sandbox = warmSandboxes.get(folder);
    if (sandbox === undefined || (sandbox.host !== host && sandbox.failures > maxFailures)) {
      const fresh: Sandbox = { handler: () => never, host, failures: 0 };
      const env = { ...lambdaEnvironment, LAMBDA_TASK_ROOT: folder, AWS_LAMBDA_FUNCTION_NAME: arn, ...environment };
      fresh.handler = load<Pick<Sandbox, "handler">>(join(folder, "index.mjs"), () => fresh.host, env).handler;
      sandbox = fresh;
      warmSandboxes.set(folder, sandbox);
    }
    sandbox.host = host;
    return sandbox;
  }
}
