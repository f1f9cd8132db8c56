import { AsyncLocalStorage } from "node:async_hooks";
import { join } from "node:path";
import { mulberry32 } from "../../cli/dataset/seeded-random.ts";
import { AwsError } from "../../local/support/aws-error.ts";
import { note } from "./api-calls.ts";
import { Clock } from "./clock.ts";
import type { Deployed, DeployedFunction, DeployedRule } from "./deployed.ts";
import { type Behaviour, type Cluster, Emr, type Step } from "./emr.ts";
import { never, TaskError } from "./errors.ts";
import { Execution } from "./execution.ts";
import type { Failure, Fault } from "./failures.ts";
import { type Host, type HttpRequest, type HttpResponse, load } from "./sandbox.ts";
import { json, parseCall, refusal, S3, sparkResults, standing } from "./services.ts";

/** Who makes a call: a state of an execution, or one of the layers that watch from outside. */
export interface Caller {
  readonly execution: string;
  readonly state: string;
  /** Of the execution; none for a layer. */
  readonly run?: number;
}

/** When an execution is ended from outside: at its n-th event, some time after that. */
export interface Stop {
  readonly execution: string;
  readonly event: number;
  readonly afterMs: number;
  readonly status: "ABORTED" | "TIMED_OUT";
}

/** A person has an execution go on, some time after it ended without success: its n-th time the n-th redrive of its name. */
export interface Redrive {
  readonly execution: string;
  readonly afterMs: number;
}

export interface Scenario {
  readonly name: string;
  readonly faults: readonly Fault[];
  readonly stops?: readonly Stop[];
  readonly redrives?: readonly Redrive[];
  /** Start of each execution, in ms. @default one, at once */
  readonly starts?: readonly number[];
  /** What the input of each execution says about others that run. @default nothing */
  readonly overlap?: "skip" | "queue";
  /** What each execution's input has besides, when it starts. @default nothing */
  readonly inputs?: readonly ((world: World) => object)[];
  /** For each status event in turn the delays of its deliveries: none is lost, two is doubled. @default one prompt delivery */
  readonly deliveries?: readonly (readonly number[])[];
  readonly seed?: number;
  /** No failure outside of an execution lasts for ever: after this the layers must do what they could not before. @default 3 */
  readonly outageHours?: number;
}

/** A call that modifies or ends a cluster, with the state of the execution that owns it. */
export interface ClusterCall {
  readonly cluster: Cluster;
  readonly operation: string;
  readonly by: Caller;
  readonly at: number;
  readonly owner: string | undefined;
  readonly ownerStatus: string | undefined;
  /** The owner's status as the same invocation read it from Step Functions. */
  readonly statusSeen: StatusSeen | undefined;
  /** Whether this call ended the cluster. */
  readonly ended: boolean;
}

interface StatusSeen {
  readonly status: string;
  readonly at: number;
}

export interface Mail {
  readonly subject: string;
  readonly message: string;
  readonly by: Caller;
  readonly at: number;
  /** The execution's clusters that were not gone when it was sent. */
  readonly alive: readonly Cluster[];
}

/** The event of an execution's end on its way to a layer. */
export interface Delivery {
  readonly execution: string;
  readonly run: number;
  readonly at: number;
}

/** A cluster that RunJobFlow made for an execution, tagged or not. */
export interface Created {
  readonly cluster: Cluster;
  readonly by: Caller;
}

interface Invocation {
  readonly caller: Caller;
  readonly role: string;
  readonly sandbox: Sandbox;
  isOver: boolean;
}

/** A function's loaded module. It stays warm from one scenario to the next. */
interface Sandbox {
  handler: (event: unknown, context: unknown) => Promise<unknown>;
  host: Host;
  /** Failures that its SDK clients met: each may have cost of the budget for retries, which is 500. */
  failures: number;
}

/** After so many a scenario begins with a cold start, so that none meets a budget that another has spent. */
const maxFailures = 10;

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const latencyMs: Readonly<Record<string, number>> = { "emr:RunJobFlow": 5 * second };
const asyncRetriesMs = [minute, 2 * minute];
export const executionTag = "orchard:execution-arn";

const warm = new Map<string, Sandbox>();
const invocations = new AsyncLocalStorage<Invocation>();

/** Does the event have what the pattern lists? Only literal values: the stack has no other. */
function matches(pattern: unknown, event: unknown): boolean {
  if (Array.isArray(pattern)) {
    if (pattern.some((value) => typeof value === "object" && value !== null)) throw new Error("Not modelled");
    return pattern.includes(event);
  }
  return Object.entries(pattern as object).every(([key, inner]) =>
    matches(inner, (event as Record<string, unknown> | undefined)?.[key]),
  );
}

/** The account in which a scenario takes place. */
export class World {
  readonly clock = new Clock();
  readonly s3 = new S3();
  readonly emr: Emr;
  readonly executions: Execution[] = [];
  readonly clusterCalls: ClusterCall[] = [];
  readonly mails: Mail[] = [];
  /** Every kind of call that was made: "state service:Operation". */
  readonly calls = new Set<string>();
  /** Moments at which runs/latest.json pointed at a run that is not valid. */
  readonly wrongLatest: string[] = [];
  /** Steps whose last attempt left an image less, as <run>/<step>: a retry writes all of its results again. */
  readonly #invalidSteps = new Set<string>();
  /** Executions that are not simulated: their state is all that anybody sees of them. */
  readonly strangers = new Map<string, string>();
  readonly endings: Delivery[] = [];
  readonly creations: Created[] = [];
  /** The status of executions that each invocation has read, by its caller and their ARN. */
  readonly #statusesSeen = new WeakMap<Caller, Map<string, StatusSeen>>();
  readonly deployed: Deployed;
  readonly scenario: Scenario;
  readonly #faults: { readonly fault: Fault; skip: number; left: number }[];
  readonly #host: Host;
  readonly #beginning = this.clock.now;
  #underway = 0;
  #statusEvents = 0;

  constructor(deployed: Deployed, scenario: Scenario) {
    this.deployed = deployed;
    this.scenario = scenario;
    this.#faults = scenario.faults.map((fault) => ({ fault, skip: fault.skip ?? 0, left: fault.times }));
    const random = mulberry32(scenario.seed ?? 1);
    this.#host = { clock: this.clock, random, http: (request) => this.#http(request) };
    this.emr = new Emr(this.clock, this.#behaviour());
  }

  get host(): Host {
    return this.#host;
  }

  /** From then on the layers can do what they could not before. */
  get outageUntil(): number {
    return this.#beginning + (this.scenario.outageHours ?? 3) * hour;
  }

  get created(): readonly Cluster[] {
    return this.creations.map(({ cluster }) => cluster);
  }

  /** Plays the scenario until all is quiet, or the horizon. */
  async play(horizonMs: number): Promise<this> {
    this.#settle();
    for (const rule of this.deployed.rules) if (rule.everyMs !== undefined) this.#schedule(rule, rule.everyMs);
    for (const [index, delay] of (this.scenario.starts ?? [0]).entries()) {
      const name = `run-${index + 1}`;
      const stops = (this.scenario.stops ?? []).filter(({ execution }) => execution === name);
      this.#begin();
      this.clock.setTimeout(() => {
        const execution = new Execution(this, name, stops, this.scenario.inputs?.[index]?.(this));
        this.executions.push(execution);
        this.#publish(execution);
      }, delay);
    }
    const isQuiet = () => this.#underway === 0 && this.created.every(Emr.isGone);
    await this.clock.run(isQuiet, this.#beginning + horizonMs);
    return this;
  }

  /** One call of an API: it takes time, and it may fail in the ways that the scenario has for it. */
  async call<T>(caller: Caller, operation: string, effect: () => T | Promise<T>): Promise<T> {
    this.calls.add(`${caller.state} ${operation}`);
    // It takes effect although nobody waits for it any more: a world that ended before that would prove nothing.
    this.#begin();
    const { answer, isSilent } = await this.#perform(caller, operation, effect).finally(() => this.#end());
    return isSilent ? never : answer;
  }

  async #perform<T>(caller: Caller, operation: string, effect: () => T | Promise<T>) {
    const latency = latencyMs[operation] ?? 20;
    await this.clock.sleep(latency);
    const failure = this.fault(caller, operation);
    if (failure?.when === "before") throw errorOf(failure);
    const answer = await effect();
    if (failure?.when === "silent") return { answer, isSilent: true };
    await this.clock.sleep(latency);
    if (failure !== undefined) throw errorOf(failure);
    return { answer, isSilent: false };
  }

  /** Clusters that are none of our executions' business, and executions of which only the state is seen. */
  #settle(): void {
    const arn = (name: string) => `${this.deployed.stateMachineArn.replace(":stateMachine:", ":execution:")}:${name}`;
    this.strangers.set(arn("busy"), "RUNNING");
    this.strangers.set(arn("kept"), "SUCCEEDED");
    const keepUntil = new Date(this.clock.now + 20 * hour).toISOString();
    const clusters: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
      ["analytics", {}],
      ["orchard-run-1", { "orchard:run-id": "run-1" }],
      ["orchard-busy", { [executionTag]: arn("busy") }],
      ["orchard-kept", { [executionTag]: arn("kept"), "orchard:keep-until": keepUntil }],
      ["orchard-run-1", { [executionTag]: arn("run-1").replace(":Orchard:", ":Orchard-of-others:") }],
    ];
    for (const [Name, tags] of clusters) {
      const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
      const Instances = { KeepJobFlowAliveWhenNoSteps: true, InstanceCount: 1 };
      const others = { ReleaseLabel: "emr-7.13.0", ServiceRole: "theirs", JobFlowRole: "theirs", Instances };
      this.emr.handle("RunJobFlow", { Name, Tags, ...others });
    }
  }

  /** The failure that the scenario has for this call, if it is its turn. */
  fault(caller: Caller, operation: string): Failure | undefined {
    for (const one of this.#faults) {
      const { fault } = one;
      if (fault.operation !== operation || (fault.state !== "*" && fault.state !== caller.state)) continue;
      if (fault.execution !== undefined && fault.execution !== caller.execution) continue;
      if (this.clock.now > this.outageUntil && !this.#isRunning(caller)) continue;
      if (one.skip > 0) one.skip -= 1;
      else if (one.left > 0) {
        one.left -= 1;
        return fault.failure;
      }
    }
    return undefined;
  }

  /** EMR's API for the integrations of Step Functions and for the functions. */
  // biome-ignore lint/suspicious/noExplicitAny: as many types as operations
  emrCall(caller: Caller, operation: string, input: any): Promise<any> {
    return this.call(caller, `emr:${operation}`, () => {
      const ids: readonly string[] = ["TerminateJobFlows", "SetTerminationProtection"].includes(operation)
        ? input.JobFlowIds
        : [];
      const before = ids.map((id) => this.emr.clusters.get(id)?.Status.State);
      try {
        const answer = this.emr.handle(operation, input);
        if (operation === "RunJobFlow") {
          const cluster = this.emr.clusters.get((answer as { JobFlowId: string }).JobFlowId);
          if (cluster !== undefined) this.creations.push({ cluster, by: caller });
        }
        return answer;
      } finally {
        for (const [index, id] of ids.entries()) {
          const cluster = this.emr.clusters.get(id);
          if (cluster === undefined) continue;
          const owner = ownerOf(cluster);
          const ended = cluster.Status.State === "TERMINATING" && before[index] !== "TERMINATING";
          const ownerStatus = this.#statusOf(owner);
          const statusSeen = this.#statusesSeen.get(caller)?.get(owner ?? "");
          const at = this.clock.now;
          this.clusterCalls.push({ cluster, operation, by: caller, at, owner, ownerStatus, statusSeen, ended });
        }
      }
    });
  }

  /** Invokes a function as Step Functions does: what it throws comes under its own name. @throws TaskError */
  async invoke(by: Caller, arn: string, event: unknown): Promise<unknown> {
    const caller = { ...by }; // what one invocation knows, the next does not
    const deployed = this.deployed.functions.find((one) => one.arn === arn);
    if (deployed === undefined) throw new TaskError("Lambda.ResourceNotFoundException", `Function not found: ${arn}`);
    try {
      return await this.call(caller, "lambda:Invoke", () => this.#runFunction(caller, deployed, event));
    } catch (error) {
      if (error instanceof AwsError) throw new TaskError(error.name, error.message);
      if (error instanceof TaskError) throw error;
      const { name, message } = error as Error;
      // Lambda's answer for an unhandled error, which Step Functions takes as the Cause.
      throw new TaskError(name, JSON.stringify({ errorType: name, errorMessage: message, trace: [] }));
    }
  }

  /** An execution has ended; it may be redriven. */
  over(execution: Execution): void {
    const { name, runs, status } = execution;
    this.#publish(execution);
    const redrive = this.scenario.redrives?.filter((one) => one.execution === name)[runs.length - 1];
    if (status === "SUCCEEDED" || redrive === undefined) {
      this.#end();
      return;
    }
    this.clock.setTimeout(() => {
      execution.redrive();
      this.#publish(execution);
    }, redrive.afterMs);
  }

  /** A status change goes out to the rules, as often and as late as the scenario says. */
  #publish(execution: Execution): void {
    const event = execution.statusChange();
    const delays = this.scenario.deliveries?.[this.#statusEvents] ?? [500];
    this.#statusEvents += 1;
    if (execution.status !== "RUNNING") {
      const run = execution.runs.length - 1;
      for (const delay of delays) this.endings.push({ execution: execution.name, run, at: this.clock.now + delay });
    }
    for (const rule of this.deployed.rules) {
      if (rule.pattern === undefined || !matches(rule.pattern, event)) continue;
      for (const delay of delays) this.#later(delay, { execution: execution.name, state: "layer 2" }, rule, event);
    }
  }

  describeExecution(arn: string): object {
    const execution = this.executions.find((one) => one.arn === arn);
    if (execution !== undefined) return execution.describe();
    const status = this.strangers.get(arn);
    if (status === undefined) throw new AwsError("ExecutionDoesNotExist", `Execution Does Not Exist: '${arn}'`);
    return { executionArn: arn, status, startDate: this.clock.now / second };
  }

  #statusOf(arn: string | undefined): string | undefined {
    return this.executions.find((one) => one.arn === arn)?.status ?? this.strangers.get(arn ?? "");
  }

  #isRunning({ execution, state }: Caller): boolean {
    return (
      !state.startsWith("layer") &&
      this.executions.some(({ name, status }) => name === execution && status === "RUNNING")
    );
  }

  #aliveOf(execution: string): readonly Cluster[] {
    return this.created.filter((one) => one.Name === `orchard-${execution}` && !Emr.isGone(one));
  }

  #schedule(rule: DeployedRule, everyMs: number): void {
    this.clock.setTimeout(() => {
      this.#later(0, { execution: "", state: "layer 3" }, rule, { "detail-type": "Scheduled Event" });
      this.#schedule(rule, everyMs);
    }, everyMs);
  }

  /** An asynchronous invocation, which Lambda repeats twice when the function fails. */
  #later(delayMs: number, caller: Caller, rule: DeployedRule, event: unknown, attempt = 0): void {
    this.#begin();
    this.clock.setTimeout(async () => {
      this.#end(); // the call counts for itself
      try {
        await this.invoke(caller, rule.target, rule.input ?? event);
      } catch (error) {
        if (!(error instanceof TaskError)) throw error;
        const pause = asyncRetriesMs[attempt];
        if (pause !== undefined) this.#later(pause, caller, rule, event, attempt + 1);
      }
    }, delayMs);
  }

  /** As long as something is under way, the world goes on. */
  #begin(): void {
    this.#underway += 1;
  }

  #end(): void {
    this.#underway -= 1;
  }

  async #runFunction(caller: Caller, deployed: DeployedFunction, event: unknown): Promise<unknown> {
    const sandbox = this.#sandbox(deployed);
    const invocation: Invocation = { caller, role: deployed.role, sandbox, isOver: false };
    const limitMs = deployed.timeoutSeconds * second;
    const { promise: timeout, reject } = Promise.withResolvers<never>();
    const timer = this.clock.setTimeout(() => {
      // What the function still wanted to do, it never does: it is frozen and then thrown away.
      invocation.isOver = true;
      reject(new TaskError("Lambda.Unknown", `Task timed out after ${deployed.timeoutSeconds}.00 seconds`));
    }, limitMs);
    const context = {
      functionName: deployed.arn.split(":").at(-1),
      awsRequestId: "r",
      invokedFunctionArn: deployed.arn,
    };
    try {
      const work = invocations.run(invocation, () => sandbox.handler(structuredClone(event), context));
      return JSON.parse(JSON.stringify((await Promise.race([work, timeout])) ?? null));
    } finally {
      this.clock.clearTimeout(timer);
    }
  }

  #sandbox({ arn, folder, environment }: DeployedFunction): Sandbox {
    let sandbox = warm.get(folder);
    if (sandbox === undefined || (sandbox.host !== this.#host && sandbox.failures > maxFailures)) {
      const fresh: Sandbox = { handler: () => never, host: this.#host, failures: 0 };
      const env = { ...lambdaEnvironment, LAMBDA_TASK_ROOT: folder, AWS_LAMBDA_FUNCTION_NAME: arn, ...environment };
      fresh.handler = load<Pick<Sandbox, "handler">>(join(folder, "index.mjs"), () => fresh.host, env).handler;
      sandbox = fresh;
      warm.set(folder, sandbox);
    }
    sandbox.host = this.#host;
    return sandbox;
  }

  async #http(request: HttpRequest): Promise<HttpResponse> {
    const invocation = invocations.getStore();
    if (invocation === undefined) throw new Error("A request outside of any function");
    if (invocation.isOver) return never;
    const call = parseCall(request);
    const { service, operation, input } = call;
    const { caller } = invocation;
    const tagsOf = (id: string) => this.emr.clusters.get(id)?.Tags ?? [];
    note(invocation.role, request, call, (id) => Object.fromEntries(tagsOf(id).map(({ Key, Value }) => [Key, Value])));
    const date = () => ({ date: new Date(this.clock.now).toUTCString() });
    try {
      const answer: HttpResponse =
        service === "emr"
          ? json(await this.emrCall(caller, operation, input))
          : await this.call(caller, `${service}:${operation}`, () => this.#answer(call, caller));
      if (operation === "DescribeExecution") {
        const statusSeen = this.#statusesSeen.get(caller) ?? new Map<string, StatusSeen>();
        statusSeen.set(input.executionArn, { status: JSON.parse(String(answer.body)).status, at: this.clock.now });
        this.#statusesSeen.set(caller, statusSeen);
      }
      return { ...answer, headers: { ...answer.headers, ...date() } };
    } catch (error) {
      invocation.sandbox.failures += 1;
      if (!(error instanceof AwsError)) throw error;
      const answer = refusal(call, error);
      return { ...answer, headers: { ...answer.headers, ...date() } };
    }
  }

  #answer(call: ReturnType<typeof parseCall>, by: Caller): HttpResponse {
    const { service, operation, input } = call;
    if (service === "states" && operation === "ListExecutions") {
      const running = this.executions.filter(({ status }) => status === input.statusFilter);
      return json({ executions: running.map((execution) => execution.describe()) });
    }
    if (service === "states") return json(this.describeExecution(input.executionArn));
    if (service === "sns" && operation === "Publish")
      this.mails.push({
        subject: input.Subject,
        message: input.Message,
        by,
        at: this.clock.now,
        alive: this.#aliveOf(by.execution),
      });
    if (service !== "s3") return standing(call);
    const answer = this.s3.handle(call);
    const latest = this.s3.json("runs/latest.json") as { runId: string } | undefined;
    if (latest !== undefined) {
      const isWhole = this.s3.objects.has(`runs/${latest.runId}/manifest.json`);
      if (!isWhole || this.isInvalid(latest.runId)) this.wrongLatest.push(latest.runId);
    }
    return answer;
  }

  /** The run's results are not what its plan says. */
  isInvalid(runId: string): boolean {
    return [...this.#invalidSteps].some((step) => step.startsWith(`${runId}/`));
  }

  #behaviour(): Behaviour {
    const by = (cluster: Cluster): Caller => ({ execution: cluster.Name.replace("orchard-", ""), state: "cluster" });
    return {
      start: (cluster) => {
        // The clusters of others come up before any execution.
        const failure = this.executions.length === 0 ? undefined : this.fault(by(cluster), "start:");
        return (failure?.name ?? "READY") as "READY";
      },
      step: (cluster, step) => {
        if (this.fault(by(cluster), `protection:${step.Name}`)) cluster.TerminationProtected = true;
        const caller = { ...by(cluster), execution: runOf(step) };
        return (this.fault(caller, `step:${step.Name}`)?.name ?? "COMPLETED") as "COMPLETED";
      },
      shutdownMinutes: (cluster) => {
        const how = this.fault(by(cluster), "shutdown:")?.name;
        return how === "SLOW" ? 9 : how === "NEVER" ? Number.MAX_SAFE_INTEGER / minute : 2;
      },
      run: (step) => {
        const runId = runOf(step);
        const isInvalid = this.fault({ execution: runId, state: "cluster" }, `results:${step.Name}`) !== undefined;
        this.#invalidSteps[isInvalid ? "add" : "delete"](`${runId}/${step.Name}`);
        sparkResults(this.s3, step.Config.Args, isInvalid);
      },
    };
  }
}

/** The run that a step is of, on whosever cluster. */
export function runOf(step: Step): string {
  return /\/runs\/([^/]+)\//.exec(step.Config.Args.at(-1) ?? "")?.[1] ?? "";
}

export function ownerOf(cluster: Cluster): string | undefined {
  return cluster.Tags.find(({ Key }) => Key === executionTag)?.Value;
}

function errorOf({ error, name }: Failure): Error {
  return error === undefined
    ? Object.assign(new Error(`socket hang up (${name})`), { code: "ECONNRESET" })
    : new AwsError(error.code, error.message, error.status);
}

const lambdaEnvironment = {
  AWS_REGION: "eu-west-1",
  AWS_ACCESS_KEY_ID: "AKIA0000000000000000",
  AWS_SECRET_ACCESS_KEY: "secret",
  AWS_EC2_METADATA_DISABLED: "true",
  POWERTOOLS_LOG_LEVEL: "SILENT",
  POWERTOOLS_METRICS_DISABLED: "true",
  HOME: "/nonexistent",
};
