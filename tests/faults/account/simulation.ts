import { mulberry32 } from "../../../cli/dataset/seeded-random.ts";
import { AwsError } from "../../../local/support/aws-error.ts";
import type { Failure } from "../scenarios/failures.ts";
import type { Scenario } from "../scenarios/scenario.ts";
import { answerRequest } from "./api-endpoint.ts";
import { Clock } from "./clock.ts";
import { describeStack } from "./cloud-formation.ts";
import { type Cluster, isGone } from "./cluster.ts";
import { type CommandEnd, deployChanges, destroy } from "./commands.ts";
import type { Deployed } from "./deployed.ts";
import { Emr } from "./emr.ts";
import { never } from "./errors.ts";
import { EventBridge } from "./event-bridge.ts";
import { Execution } from "./execution.ts";
import { errorOf, FaultInjection } from "./fault-injection.ts";
import { faultyBehavior } from "./faulty-behavior.ts";
import { Lambda } from "./lambda.ts";
import { createOtherClusters } from "./other-clusters.ts";
import type { Caller, ClusterCall, Creation, Delivery, Mail } from "./records.ts";
import { S3 } from "./s3.ts";
import type { Host, HttpResponse } from "./sandbox.ts";

const second = 1000;
const hour = 3_600 * second;
const defaultLatencyMs = 20;
const updateMs = 120 * second;
const latencyMs: Readonly<Record<string, number>> = { "emr:RunJobFlow": 5 * second };

interface StackUpdate {
  readonly executions: readonly Execution[];
  readonly clusters: readonly Cluster[];
}

/** An AWS account with the deployed stack, in which a scenario takes place in virtual time. */
export class Simulation {
  readonly deployed: Deployed;
  readonly scenario: Scenario;
  readonly clock = new Clock();
  readonly s3 = new S3();
  readonly emr: Emr;
  readonly lambda: Lambda;
  readonly host: Host;
  readonly executions: Execution[] = [];
  /** Executions that are not simulated, by ARN: DescribeExecution answers their status. */
  readonly otherExecutions = new Map<string, string>();
  readonly clusterCalls: ClusterCall[] = [];
  readonly creations: Creation[] = [];
  readonly mails: Mail[] = [];
  /** Deliveries of the events that runs have ended. */
  readonly endDeliveries: Delivery[] = [];
  /** Every kind of call that was made: "state service:Operation". */
  readonly calls = new Set<string>();
  /** Invalid runs that runs/latest.json has pointed at. */
  readonly invalidLatest: string[] = [];
  /** Steps with invalid results, as <run>/<step>. A retry of the step writes all of its results again. */
  readonly invalidSteps = new Set<string>();
  /** Whether the stack has been deleted. */
  isDeleted = false;
  /** How `destroy` ended. */
  destruction: CommandEnd | undefined;
  /** How `deploy` ended. */
  deployment: CommandEnd | undefined;
  /** The updates of the stack, each with the executions and clusters that existed meanwhile. */
  readonly updates: StackUpdate[] = [];
  readonly #events: EventBridge;
  readonly #faults: FaultInjection;
  readonly #startedAt = this.clock.now;
  /** Calls, executions and invocations that must end before the simulation may end. */
  #workInProgress = 0;

  constructor(deployed: Deployed, scenario: Scenario) {
    this.deployed = deployed;
    this.scenario = scenario;
    this.#faults = new FaultInjection(scenario.faults);
    const random = mulberry32(scenario.seed ?? 1);
    this.host = { clock: this.clock, random, http: (request) => answerRequest(this, request) };
    this.emr = new Emr(this.clock, faultyBehavior(this));
    this.lambda = new Lambda(this);
    this.#events = new EventBridge(this);
  }

  /** The time at which faults outside of running executions end. */
  get outageUntil(): number {
    return this.#startedAt + (this.scenario.outageHours ?? 3) * hour;
  }

  get createdClusters(): readonly Cluster[] {
    return this.creations.map(({ cluster }) => cluster);
  }

  /** Plays the scenario until no work is in progress and every cluster is terminated, at most to the horizon. */
  async play(horizonMs: number): Promise<this> {
    createOtherClusters(this);
    this.scenario.prepare?.(this);
    this.#events.startSchedules();
    for (const [index, delay] of (this.scenario.starts ?? [0]).entries()) {
      this.beginWork();
      this.clock.setTimeout(() => this.#startExecution(index), delay);
    }
    const isQuiet = () => this.#workInProgress === 0 && this.createdClusters.every(isGone);
    await this.clock.run(isQuiet, this.#startedAt + horizonMs);
    return this;
  }

  /** Makes one API call: it takes time, and it fails if the scenario has a fault for it. */
  async call<T>(caller: Caller, operation: string, effect: () => T | Promise<T>): Promise<T> {
    this.calls.add(`${caller.state} ${operation}`);
    // A call also takes effect when its caller no longer waits, so the simulation must not end before.
    this.beginWork();
    const { answer, isSilent } = await this.#perform(caller, operation, effect).finally(() => this.endWork());
    return isSilent ? never : answer;
  }

  /** Returns the scenario's failure for this call, if any. */
  fault(caller: Caller, operation: string): Failure | undefined {
    const isOutageOver = this.clock.now > this.outageUntil && !this.#isRunning(caller);
    return isOutageOver ? undefined : this.#faults.take(caller, operation);
  }

  /** Keeps the simulation going until the matching endWork. */
  beginWork(): void {
    this.#workInProgress += 1;
  }

  endWork(): void {
    this.#workInProgress -= 1;
  }

  /** Publishes the end of an execution, and redrives the execution if the scenario says so. */
  executionEnded(execution: Execution): void {
    const { name, runs, status } = execution;
    this.#events.publishStatus(execution);
    const redrive = this.scenario.redrives?.filter((one) => one.execution === name)[runs.length - 1];
    if (status === "SUCCEEDED" || redrive === undefined) {
      this.endWork();
      return;
    }
    this.clock.setTimeout(() => {
      execution.redrive();
      this.#events.publishStatus(execution);
    }, redrive.afterMs);
  }

  /** Starts `destroy` or `deploy` if the scenario has it begin with this event. Events count from 1. */
  async recorded({ name, history }: Execution): Promise<void> {
    const { destroyAt, deployment } = this.scenario;
    if (name !== "run-1") return;
    this.beginWork();
    if (history.length === destroyAt) this.destruction = await destroy(this);
    if (deployment && history.length === deployment.event) this.deployment = await deployChanges(this, deployment);
    this.endWork();
  }

  /** Answers CloudFormation about the stack. DeleteStack deletes it at once. */
  answerStack(operation: string): HttpResponse {
    if (operation === "DeleteStack") this.isDeleted = true;
    else if (this.isDeleted) throw new AwsError("ValidationError", "Stack with id Orchard does not exist");
    return describeStack(operation, this.deployed);
  }

  /** Updates the stack for `deploy`. The resources change at some time between begin and end. */
  async updateStack(): Promise<void> {
    const caller = { execution: "", state: "deploy" };
    await this.call(caller, "cloudformation:UpdateStack", async () => {
      const begin = this.clock.now;
      await this.clock.sleep(updateMs);
      const isAffected = (from: number, to: number) => from < this.clock.now && to > begin;
      this.updates.push({
        executions: this.executions.filter(({ startedAt, endedAt }) => isAffected(startedAt, endedAt)),
        clusters: this.createdClusters.filter(({ Status: { Timeline } }) =>
          isAffected(second * Timeline.CreationDateTime, second * (Timeline.EndDateTime ?? Number.POSITIVE_INFINITY)),
        ),
      });
    });
  }

  executionArn(name: string): string {
    return `${this.deployed.stateMachineArn.replace(":stateMachine:", ":execution:")}:${name}`;
  }

  statusOf(arn: string | undefined): string | undefined {
    return this.executions.find((one) => one.arn === arn)?.status ?? this.otherExecutions.get(arn ?? "");
  }

  /** Answers DescribeExecution. @throws AwsError ExecutionDoesNotExist */
  describeExecution(arn: string): object {
    const execution = this.executions.find((one) => one.arn === arn);
    if (execution !== undefined) return execution.describe();
    const status = this.otherExecutions.get(arn);
    if (status === undefined) throw new AwsError("ExecutionDoesNotExist", `Execution Does Not Exist: '${arn}'`);
    return { executionArn: arn, status, startDate: this.clock.now / second };
  }

  /** Tells whether the results of a run differ from its plan. */
  isInvalid(runId: string): boolean {
    return [...this.invalidSteps].some((step) => step.startsWith(`${runId}/`));
  }

  #startExecution(index: number): void {
    if (this.isDeleted) {
      this.endWork();
      return;
    }
    const name = `run-${index + 1}`;
    const stops = (this.scenario.stops ?? []).filter(({ execution }) => execution === name);
    const execution = new Execution(this, name, stops, this.scenario.inputs?.[index]?.(this));
    this.executions.push(execution);
    this.#events.publishStatus(execution);
  }

  async #perform<T>(caller: Caller, operation: string, effect: () => T | Promise<T>) {
    const latency = latencyMs[operation] ?? defaultLatencyMs;
    await this.clock.sleep(latency);
    const failure = this.fault(caller, operation);
    if (failure?.when === "before") throw errorOf(failure);
    const answer = await effect();
    if (failure?.when === "silent") return { answer, isSilent: true };
    await this.clock.sleep(latency);
    if (failure !== undefined) throw errorOf(failure);
    return { answer, isSilent: false };
  }

  #isRunning({ execution, state }: Caller): boolean {
    return (
      !state.startsWith("layer") &&
      this.executions.some(({ name, status }) => name === execution && status === "RUNNING")
    );
  }
}
