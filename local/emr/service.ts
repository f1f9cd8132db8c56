import { randomInt } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AwsError, epochSeconds, errorText, type JsonObject, page } from "../support/aws-error.ts";
import { writeJson } from "../support/files.ts";
import { ServiceModel } from "../support/service-model.ts";
import type { AccountContext } from "../support/supervise.ts";
import type { ManagedScalingPolicy } from "./instance-rules.ts";
import {
  collectionType,
  type ListInstancesRequest,
  listInstanceFleets,
  listInstanceGroups,
  listInstances,
  primaryInstanceId,
} from "./instances.ts";
import { EmrNode } from "./node.ts";
import {
  checkIdleTimeout,
  checkJobFlow,
  checkScaling,
  checkSteps,
  checkTags,
  type JobFlowRequest,
  type StepRequest,
  type Tag,
} from "./request-rules.ts";

export interface Reason {
  readonly Code?: string;
  readonly Message?: string;
}

export interface Status {
  State: string;
  StateChangeReason: Reason;
  Timeline: { CreationDateTime: number; ReadyDateTime?: number; StartDateTime?: number; EndDateTime?: number };
  FailureDetails?: { readonly Reason?: string; readonly Message?: string; readonly LogFile?: string };
}

interface Step {
  readonly Id: string;
  readonly Name: string;
  readonly Config: { readonly Jar: string; readonly Args: readonly string[]; readonly Properties: object };
  readonly ActionOnFailure: string;
  readonly Status: Status;
}

interface Cluster {
  readonly Id: string;
  readonly request: JobFlowRequest;
  readonly Status: Status;
  readonly steps: Step[];
  tags: readonly Tag[];
  terminationProtected: boolean;
  idleTimeoutSeconds: number | undefined;
  managedScaling: ManagedScalingPolicy | undefined;
}

/** What a live cluster has besides its record. */
interface Runtime {
  readonly ending: AbortController;
  readonly cancelled: Map<string, AbortController>;
  wake: () => void;
  done: Promise<void>;
}

/** More than a timer of Node.js can hold is over at once. */
const longestTimerMs = 2 ** 31 - 1;
const terminal = ["TERMINATED", "TERMINATED_WITH_ERRORS"];
const stopped: Reason = { Code: "INTERNAL_ERROR", Message: "The embedded account stopped while the cluster ran." };

type Operation = (input: never) => unknown;

/** The EMR API over clusters that are folders and processes of this machine. */
export class EmrService {
  readonly #context: AccountContext;
  readonly #model: ServiceModel;
  readonly #clusters = new Map<string, Cluster>();
  readonly #runtimes = new Map<string, Runtime>();
  readonly #operations: Readonly<Record<string, Operation>>;

  constructor(context: AccountContext) {
    this.#context = context;
    this.#model = new ServiceModel(context.tools, "emr");
    this.#operations = this.#table();
    this.#load();
  }

  /**
   * Answers one request of the EMR API.
   * @throws AwsError ValidationException, InvalidRequestException, UnknownOperationException
   */
  handle(operation: string, input: unknown): unknown {
    this.#model.check(operation, input);
    const run = this.#operations[operation];
    if (run === undefined) {
      throw new AwsError(
        "UnknownOperationException",
        `The embedded account does not serve elasticmapreduce:${operation}.`,
      );
    }
    return run(input as never) ?? {};
  }

  /** A cluster's tags; none for an unknown one. */
  tags(id: string): Readonly<Record<string, string>> {
    const tags = this.#clusters.get(id)?.tags ?? [];
    return Object.fromEntries(tags.map(({ Key: key = "", Value: value = "" }) => [key, value]));
  }

  /** Ends every cluster; resolves when no process of theirs is left. */
  async stop(): Promise<void> {
    for (const [id, runtime] of this.#runtimes) {
      runtime.ending.abort(stopped);
      this.#transition(this.#cluster(id).Status, "TERMINATING", stopped);
    }
    await Promise.allSettled([...this.#runtimes.values()].map((runtime) => runtime.done));
  }

  #table(): Readonly<Record<string, Operation>> {
    return {
      RunJobFlow: (input: JobFlowRequest) => this.#runJobFlow(input),
      AddJobFlowSteps: (input: { JobFlowId: string; Steps: readonly StepRequest[] }) => {
        const cluster = this.#modifiable(input.JobFlowId);
        checkSteps(input.Steps);
        const steps = input.Steps.map(newStep);
        // Management guide, "Submit work": 256 steps may be PENDING or RUNNING at a time.
        if (cluster.steps.filter(isActive).length + steps.length > 256) {
          throw new AwsError("ValidationException", "Maximum number of active steps(256) for cluster exceeded.");
        }
        cluster.steps.push(...steps);
        this.#save(cluster);
        this.#runtimes.get(cluster.Id)?.wake();
        return { StepIds: steps.map((step) => step.Id) };
      },
      DescribeCluster: (input: { ClusterId: string }) => ({
        Cluster: describe(this.#cluster(input.ClusterId), this.#context),
      }),
      ListClusters: (input: {
        CreatedAfter?: number;
        CreatedBefore?: number;
        ClusterStates?: readonly string[];
        Marker?: string;
      }) => {
        const found = [...this.#clusters.values()]
          .filter(({ Status: status }) =>
            input.ClusterStates?.length ? input.ClusterStates.includes(status.State) : true,
          )
          .filter(({ Status: { Timeline: timeline } }) => timeline.CreationDateTime >= (input.CreatedAfter ?? 0))
          .filter(
            ({ Status: { Timeline: timeline } }) => timeline.CreationDateTime <= (input.CreatedBefore ?? Infinity),
          )
          .sort((a, b) => b.Status.Timeline.CreationDateTime - a.Status.Timeline.CreationDateTime)
          .map((cluster) => ({
            Id: cluster.Id,
            Name: cluster.request.Name,
            Status: cluster.Status,
            NormalizedInstanceHours: 0,
            ClusterArn: this.#arn(cluster.Id),
          }));
        const { items, next } = page(found, input.Marker, 50);
        return { Clusters: items, ...(next === undefined ? {} : { Marker: next }) };
      },
      DescribeStep: (input: { ClusterId: string; StepId: string }) => {
        const step = this.#cluster(input.ClusterId).steps.find(({ Id: id }) => id === input.StepId);
        if (step === undefined) {
          throw new AwsError("InvalidRequestException", `Step id '${input.StepId}' is not valid.`);
        }
        return { Step: step };
      },
      ListSteps: (input: {
        ClusterId: string;
        StepStates?: readonly string[];
        StepIds?: readonly string[];
        Marker?: string;
      }) => {
        const found = this.#cluster(input.ClusterId)
          .steps.filter((step) => (input.StepStates?.length ? input.StepStates.includes(step.Status.State) : true))
          .filter((step) => (input.StepIds?.length ? input.StepIds.includes(step.Id) : true))
          .toReversed();
        const { items, next } = page(found, input.Marker, 50);
        return { Steps: items, ...(next === undefined ? {} : { Marker: next }) };
      },
      CancelSteps: (input: { ClusterId: string; StepIds: readonly string[] }) => {
        const cluster = this.#cluster(input.ClusterId);
        return { CancelStepsInfoList: input.StepIds.map((id) => this.#cancel(cluster, id)) };
      },
      TerminateJobFlows: (input: { JobFlowIds: readonly string[] }) => {
        // API reference, TerminateJobFlows: "The maximum number of clusters allowed is 10."
        if (input.JobFlowIds.length > 10) {
          throw new AwsError("ValidationException", "Size of jobFlowIds cannot be more than 10.");
        }
        const clusters = input.JobFlowIds.map((id) => this.#jobFlow(id));
        for (const cluster of clusters.filter((one) => !one.terminationProtected)) {
          this.#terminate(cluster, { Code: "USER_REQUEST", Message: "Terminated by user request" });
        }
        if (clusters.some((cluster) => cluster.terminationProtected && !terminal.includes(cluster.Status.State))) {
          throw new AwsError(
            "ValidationException",
            "Could not shut down one or more job flows since they are termination protected.",
          );
        }
      },
      SetTerminationProtection: (input: { JobFlowIds: readonly string[]; TerminationProtected: boolean }) => {
        for (const cluster of input.JobFlowIds.map((id) => this.#modifiable(id))) {
          cluster.terminationProtected = input.TerminationProtected;
          this.#save(cluster);
        }
      },
      AddTags: (input: { ResourceId: string; Tags: readonly Tag[] }) => {
        const cluster = this.#cluster(input.ResourceId);
        checkTags(input.Tags);
        const kept = cluster.tags.filter(({ Key: key }) => !input.Tags.some((tag) => tag.Key === key));
        cluster.tags = [...kept, ...input.Tags];
        this.#save(cluster);
      },
      PutAutoTerminationPolicy: (input: { ClusterId: string; AutoTerminationPolicy?: { IdleTimeout?: number } }) => {
        const cluster = this.#modifiable(input.ClusterId);
        checkIdleTimeout(input.AutoTerminationPolicy?.IdleTimeout);
        cluster.idleTimeoutSeconds = input.AutoTerminationPolicy?.IdleTimeout;
        this.#save(cluster);
        this.#runtimes.get(cluster.Id)?.wake();
      },
      ListBootstrapActions: (input: { ClusterId: string }) => ({
        BootstrapActions: (this.#cluster(input.ClusterId).request.BootstrapActions ?? []).map((action) => ({
          Name: action.Name,
          ScriptPath: action.ScriptBootstrapAction.Path,
          Args: action.ScriptBootstrapAction.Args ?? [],
        })),
      }),
      PutManagedScalingPolicy: (input: { ClusterId: string; ManagedScalingPolicy: ManagedScalingPolicy }) => {
        const cluster = this.#modifiable(input.ClusterId);
        checkScaling(input.ManagedScalingPolicy, cluster.request.Instances);
        cluster.managedScaling = input.ManagedScalingPolicy;
        this.#save(cluster);
      },
      GetManagedScalingPolicy: (input: { ClusterId: string }) => {
        const { managedScaling } = this.#cluster(input.ClusterId);
        return managedScaling === undefined ? {} : { ManagedScalingPolicy: managedScaling };
      },
      RemoveManagedScalingPolicy: (input: { ClusterId: string }) => {
        const cluster = this.#modifiable(input.ClusterId);
        cluster.managedScaling = undefined;
        this.#save(cluster);
      },
      ListInstanceGroups: (input: { ClusterId: string }) => listInstanceGroups(this.#cluster(input.ClusterId)),
      ListInstanceFleets: (input: { ClusterId: string }) => listInstanceFleets(this.#cluster(input.ClusterId)),
      ListInstances: (input: ListInstancesRequest & { ClusterId: string; Marker?: string }) => {
        // API reference, ListInstances: pages like those of the other lists.
        const { items, next } = page(listInstances(this.#cluster(input.ClusterId), input), input.Marker, 50);
        return { Instances: items, ...(next === undefined ? {} : { Marker: next }) };
      },
    };
  }

  #runJobFlow(request: JobFlowRequest): object {
    checkJobFlow(request);
    if (request.SecurityConfiguration !== undefined) {
      // The account has none. The words: github.com/hashicorp/terraform/pull/13620
      const message = `Security configuration with name '${request.SecurityConfiguration}' does not exist.`;
      throw new AwsError("ValidationException", message);
    }
    const cluster: Cluster = {
      Id: `j-${randomId(13)}`,
      request,
      Status: newStatus("STARTING"),
      steps: (request.Steps ?? []).map(newStep),
      tags: request.Tags ?? [],
      terminationProtected: request.Instances.TerminationProtected ?? false,
      idleTimeoutSeconds: request.AutoTerminationPolicy?.IdleTimeout,
      managedScaling: request.ManagedScalingPolicy,
    };
    this.#clusters.set(cluster.Id, cluster);
    this.#save(cluster);
    const runtime: Runtime = {
      ending: new AbortController(),
      cancelled: new Map(),
      wake: () => undefined,
      done: Promise.resolve(),
    };
    this.#runtimes.set(cluster.Id, runtime);
    runtime.done = this.#live(cluster, runtime).catch((error: unknown) =>
      this.#context.log(`emr: the end of ${cluster.Id} was not kept: ${errorText(error)}`),
    );
    return { JobFlowId: cluster.Id, ClusterArn: this.#arn(cluster.Id) };
  }

  /** A cluster's whole life: bootstrap, steps, termination. */
  async #live(cluster: Cluster, runtime: Runtime): Promise<void> {
    const node = new EmrNode(this.#context, cluster.Id, cluster.request.LogUri);
    let end: Reason;
    try {
      await node.create();
      end = (await this.#bootstrap(cluster, runtime, node)) ?? (await this.#work(cluster, runtime, node));
    } catch (error) {
      this.#context.log(`emr: ${cluster.Id}: ${errorText(error)}`);
      end = { Code: "INTERNAL_ERROR", Message: errorText(error) };
    }
    end = runtime.ending.signal.reason ?? end;
    this.#transition(cluster.Status, "TERMINATING", end);
    for (const step of cluster.steps.filter(isActive)) {
      this.#transition(step.Status, "CANCELLED", { Message: "Job terminated" });
    }
    try {
      await node.remove();
    } finally {
      this.#runtimes.delete(cluster.Id);
      const withErrors = ["BOOTSTRAP_FAILURE", "INTERNAL_ERROR", "STEP_FAILURE"].includes(end.Code ?? "");
      this.#transition(cluster.Status, withErrors ? "TERMINATED_WITH_ERRORS" : "TERMINATED", end);
      this.#save(cluster);
    }
  }

  /** Runs the bootstrap actions. Answers why the cluster must end, or undefined when it is ready. */
  async #bootstrap(cluster: Cluster, { ending }: Runtime, node: EmrNode): Promise<Reason | undefined> {
    const instanceId = primaryInstanceId(cluster);
    const master = `On the master instance (${instanceId}), bootstrap action`;
    for (const [index, { ScriptBootstrapAction: action }] of (cluster.request.BootstrapActions ?? []).entries()) {
      if (ending.signal.aborted) {
        break;
      }
      this.#transition(cluster.Status, "BOOTSTRAPPING", {});
      this.#save(cluster);
      const number = index + 1;
      let script: string;
      try {
        script = await node.download(action.Path, number);
      } catch (error) {
        this.#context.log(`emr: ${cluster.Id}: ${action.Path}: ${errorText(error)}`);
        const message = `Master instance (${instanceId}) failed attempting to download bootstrap action ${number} file from S3`;
        return { Code: "BOOTSTRAP_FAILURE", Message: message };
      }
      const { exitCode } = await node.bootstrap(script, action.Args ?? [], number, instanceId, ending.signal);
      if (exitCode !== 0) {
        return { Code: "BOOTSTRAP_FAILURE", Message: `${master} ${number} returned a non-zero return code` };
      }
    }
    return ending.signal.aborted ? ending.signal.reason : undefined;
  }

  /** Runs the steps, one at a time, until something ends the cluster; answers what. */
  async #work(cluster: Cluster, runtime: Runtime, node: EmrNode): Promise<Reason> {
    const { ending } = runtime;
    cluster.Status.Timeline.ReadyDateTime = epochSeconds();
    let idleSince = Date.now();
    while (!ending.signal.aborted) {
      const step = cluster.steps.find(({ Status: status }) => status.State === "PENDING");
      if (step !== undefined) {
        this.#transition(cluster.Status, "RUNNING", { Message: "Running step" });
        await this.#runStep(cluster, runtime, node, step);
        idleSince = Date.now();
        if (step.Status.State === "FAILED" && step.ActionOnFailure === "TERMINATE_CLUSTER") {
          return { Code: "STEP_FAILURE", Message: "Shut down as step failed" };
        }
        continue;
      }
      if (!(cluster.request.Instances.KeepJobFlowAliveWhenNoSteps ?? false)) {
        return { Code: "ALL_STEPS_COMPLETED", Message: "Steps completed" };
      }
      if (cluster.Status.State !== "WAITING") {
        this.#transition(cluster.Status, "WAITING", { Message: "Cluster ready after last step completed." });
        this.#save(cluster);
      }
      const { idleTimeoutSeconds = Infinity } = cluster;
      const restMs = idleSince + idleTimeoutSeconds * 1000 - Date.now();
      if (restMs <= 0) {
        return { Code: "USER_REQUEST", Message: `The cluster was idle for ${idleTimeoutSeconds} seconds` };
      }
      // A step or another idle time wakes it.
      const pause = new AbortController();
      runtime.wake = () => pause.abort();
      const signal = AbortSignal.any([pause.signal, ending.signal]);
      await sleep(Math.min(restMs, longestTimerMs), undefined, { signal }).catch(() => undefined);
    }
    return ending.signal.reason;
  }

  async #runStep(cluster: Cluster, { ending, cancelled }: Runtime, node: EmrNode, step: Step): Promise<void> {
    const cancel = new AbortController();
    cancelled.set(step.Id, cancel);
    this.#transition(step.Status, "RUNNING", {});
    step.Status.Timeline.StartDateTime = epochSeconds();
    this.#save(cluster);
    const signal = AbortSignal.any([cancel.signal, ending.signal]);
    const { exitCode, outputTail, logFolder } = await node.step(step.Id, step.Config.Args, signal);
    cancelled.delete(step.Id);
    if (ending.signal.aborted) {
      this.#transition(step.Status, "CANCELLED", { Message: "Job terminated" });
    } else if (cancel.signal.aborted) {
      this.#transition(step.Status, "CANCELLED", { Message: "Cancelled by user" });
    } else if (exitCode === 0) {
      this.#transition(step.Status, "COMPLETED", {});
    } else {
      const cause = outputTail.split("\n").findLast((line) => /^\S.*(?:Exception|Error|error:)/.test(line));
      step.Status.FailureDetails = {
        Reason: "Unknown Error.",
        ...(cause === undefined ? {} : { Message: cause.slice(0, 1000) }),
        ...(logFolder === undefined ? {} : { LogFile: `${logFolder}stderr.gz` }),
      };
      this.#transition(step.Status, "FAILED", {});
    }
    this.#save(cluster);
  }

  #cancel(cluster: Cluster, stepId: string): object {
    const step = cluster.steps.find(({ Id: id }) => id === stepId);
    const running = this.#runtimes.get(cluster.Id)?.cancelled.get(stepId);
    if (step?.Status.State === "PENDING") {
      this.#transition(step.Status, "CANCELLED", { Message: "Cancelled by user" });
      this.#save(cluster);
    } else if (running !== undefined) {
      running.abort();
    } else {
      const reason = step === undefined ? "is not valid" : `is ${step.Status.State} and cannot be cancelled`;
      return { StepId: stepId, Status: "FAILED", Reason: `Step ${stepId} ${reason}.` };
    }
    return { StepId: stepId, Status: "SUBMITTED" };
  }

  #terminate(cluster: Cluster, reason: Reason): void {
    const runtime = this.#runtimes.get(cluster.Id);
    if (runtime !== undefined && !runtime.ending.signal.aborted) {
      this.#transition(cluster.Status, "TERMINATING", reason);
      runtime.ending.abort(reason);
    }
  }

  #transition(status: Status, state: string, reason: Reason): void {
    // A cluster that is going down does not turn back, whatever its node is about to do.
    const isGoing = status.State === "TERMINATING" && !terminal.includes(state);
    if (status.State === state || terminal.includes(status.State) || isGoing) {
      return;
    }
    status.State = state;
    status.StateChangeReason = reason;
    if ([...terminal, "COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED"].includes(state)) {
      status.Timeline.EndDateTime = epochSeconds();
    }
  }

  #cluster(id: string): Cluster {
    const cluster = this.#clusters.get(id);
    if (cluster === undefined) {
      throw new AwsError("InvalidRequestException", `Cluster id '${id}' is not valid.`);
    }
    return cluster;
  }

  #jobFlow(id: string): Cluster {
    const cluster = this.#clusters.get(id);
    if (cluster === undefined) {
      throw new AwsError("ValidationException", "Specified job flow ID does not exist.");
    }
    return cluster;
  }

  #modifiable(id: string): Cluster {
    const cluster = this.#jobFlow(id);
    if (["TERMINATING", ...terminal].includes(cluster.Status.State)) {
      throw new AwsError(
        "ValidationException",
        "A job flow that is shutting down, terminated, or finished may not be modified.",
      );
    }
    return cluster;
  }

  #arn(id: string): string {
    return `arn:aws:elasticmapreduce:${this.#context.region}:${this.#context.accountId}:cluster/${id}`;
  }

  #save(cluster: Cluster): void {
    writeJson(join(this.#context.directory, "emr", cluster.Id, "cluster.json"), cluster);
  }

  /** Reads what an earlier account left; clusters that ran when it was killed have ended with it. */
  #load(): void {
    const folder = join(this.#context.directory, "emr");
    mkdirSync(folder, { recursive: true });
    for (const file of readdirSync(folder).map((id) => join(folder, id, "cluster.json"))) {
      if (!existsSync(file)) {
        continue;
      }
      const cluster: Cluster = JSON.parse(readFileSync(file, "utf8"));
      this.#clusters.set(cluster.Id, cluster);
      if (!terminal.includes(cluster.Status.State)) {
        for (const step of cluster.steps.filter(isActive)) {
          this.#transition(step.Status, step.Status.State === "RUNNING" ? "INTERRUPTED" : "CANCELLED", {
            Message: "Job terminated",
          });
        }
        this.#transition(cluster.Status, "TERMINATED_WITH_ERRORS", stopped);
        this.#save(cluster);
        const node = new EmrNode(this.#context, cluster.Id, undefined);
        node.remove().catch((error: unknown) => this.#context.log(`emr: ${cluster.Id}: ${errorText(error)}`));
      }
    }
  }
}

function isActive(step: Step): boolean {
  return step.Status.State === "PENDING" || step.Status.State === "RUNNING";
}

function newStatus(state: string): Status {
  return { State: state, StateChangeReason: {}, Timeline: { CreationDateTime: epochSeconds() } };
}

function newStep(request: StepRequest): Step {
  const { Jar: jar, Args: args } = request.HadoopJarStep;
  return {
    Id: `s-${randomId(13)}`,
    Name: request.Name,
    Config: { Jar: jar, Args: args ?? [], Properties: {} },
    ActionOnFailure: request.ActionOnFailure ?? "TERMINATE_CLUSTER",
    Status: newStatus("PENDING"),
  };
}

/** n characters of A-Z and 0-9, as EMR's ids have them. */
function randomId(length: number): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");
}

/** The Cluster structure of DescribeCluster. */
function describe(cluster: Cluster, context: AccountContext): JsonObject {
  const { request } = cluster;
  const { Instances: instances } = request;
  const optional = {
    Ec2KeyName: instances["Ec2KeyName"],
    Ec2SubnetId: instances.Ec2SubnetId ?? instances.Ec2SubnetIds?.[0],
    RequestedEc2SubnetIds: instances.Ec2SubnetIds,
    EmrManagedMasterSecurityGroup: instances.EmrManagedMasterSecurityGroup,
    EmrManagedSlaveSecurityGroup: instances.EmrManagedSlaveSecurityGroup,
    ServiceAccessSecurityGroup: instances.ServiceAccessSecurityGroup,
  };
  return {
    Id: cluster.Id,
    Name: request.Name,
    Status: cluster.Status,
    Ec2InstanceAttributes: { ...optional, IamInstanceProfile: request.JobFlowRole },
    InstanceCollectionType: collectionType(cluster),
    LogUri: request.LogUri?.replace(/^s3:/, "s3n:"),
    ReleaseLabel: request.ReleaseLabel,
    AutoTerminate: !(instances.KeepJobFlowAliveWhenNoSteps ?? false),
    TerminationProtected: cluster.terminationProtected,
    VisibleToAllUsers: true,
    Applications: (request.Applications ?? []).map(({ Name: name }) => ({ Name: name })),
    Tags: cluster.tags,
    ServiceRole: request.ServiceRole,
    NormalizedInstanceHours: 0,
    MasterPublicDnsName: "localhost",
    Configurations: request["Configurations"] ?? [],
    SecurityConfiguration: request.SecurityConfiguration,
    ScaleDownBehavior: request["ScaleDownBehavior"] ?? "TERMINATE_AT_TASK_COMPLETION",
    EbsRootVolumeSize: request["EbsRootVolumeSize"],
    StepConcurrencyLevel: 1,
    ClusterArn: `arn:aws:elasticmapreduce:${context.region}:${context.accountId}:cluster/${cluster.Id}`,
  };
}
