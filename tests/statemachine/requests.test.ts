import { join } from "node:path";
import type { S3Client } from "@aws-sdk/client-s3";
import { SFNClient } from "@aws-sdk/client-sfn";
import type { SNSClient } from "@aws-sdk/client-sns";
import { StateMachine, type StateMachineDefinition } from "aws-local-stepfunctions";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Clients } from "../../cli/account/aws-clients.ts";
import { startExecution } from "../../cli/execution/watch-execution.ts";
import type { Lifetime } from "../../cli/terminal/lifetime.ts";
import { uploadScripts } from "../../lambdas/artifacts/publish-scripts.ts";
import { type Architecture, architectures } from "../../lambdas/catalog/architectures.ts";
import { instanceTypes } from "../../lambdas/catalog/instance-types.ts";
import { confirmTerminatedEventSchema } from "../../lambdas/confirm-terminated.ts";
import { formats, markets, overlaps } from "../../lambdas/contract/choices.ts";
import { clusterDefaultsSchema } from "../../lambdas/contract/cluster-knobs.ts";
import { treeRules } from "../../lambdas/contract/image-tree.ts";
import { modes, modesWithLabel } from "../../lambdas/contract/modes.ts";
import type { Plan } from "../../lambdas/contract/plan.ts";
import { diagnoseFailureEventSchema } from "../../lambdas/diagnose-failure.ts";
import { diagnoseFailure } from "../../lambdas/diagnosis/diagnose.ts";
import { keepClusterEventSchema } from "../../lambdas/keep-cluster.ts";
import { notifyFinished } from "../../lambdas/mail/finished-execution.ts";
import { notifyStopped } from "../../lambdas/mail/stopped-execution.ts";
import { notifyEventSchema } from "../../lambdas/notify.ts";
import { takeTurn } from "../../lambdas/planning/overlap.ts";
import { architectureProblem, planCluster } from "../../lambdas/planning/planner.ts";
import { recordCost } from "../../lambdas/planning/record-actual-cost.ts";
import { parseInput } from "../../lambdas/preflight/parse-input.ts";
import { recordCostEventSchema } from "../../lambdas/record-cost.ts";
import { InvalidInput } from "../../lambdas/runtime/errors.ts";
import { logger, metrics } from "../../lambdas/runtime/handler.ts";
import { takeTurnEventSchema } from "../../lambdas/take-turn.ts";
import { confirmTerminated } from "../../lambdas/teardown/confirm-termination.ts";
import { keepCluster } from "../../lambdas/teardown/keep-until.ts";
import { sweepClusters } from "../../lambdas/teardown/sweep.ts";
import { terminateCluster } from "../../lambdas/teardown/terminate-created-clusters.ts";
import { terminateClusterEventSchema } from "../../lambdas/terminate-cluster.ts";
import type { Instances } from "../../local/emr/instance-rules.ts";
import { checkIdleTimeout, checkJobFlow, checkSteps, checkTags } from "../../local/emr/request-rules.ts";
import { ServiceModel } from "../../local/support/service-model.ts";
import { emrClient } from "../doubles/emr.ts";
import { Clock } from "../faults/account/clock.ts";
import { bucket, deploy } from "../faults/account/deployed.ts";
import { Emr } from "../faults/account/emr.ts";
import { aPlan } from "../lambdas/fixtures.ts";
import { tasks } from "./definition.ts";

const runs = Number(process.env["ORCHARD_REQUEST_RUNS"] ?? 100);
const root = join(import.meta.dirname, "..", "..");
// With all that the definition can have.
const deployed = deploy();
logger.setLogLevel("SILENT");

// biome-ignore lint/suspicious/noExplicitAny: as many types as states and operations
type Json = any;

/** A request as it leaves for AWS. */
interface Request {
  readonly service: "emr" | "sns" | "stepfunctions";
  readonly operation: string;
  readonly input: Json;
}

const models = Object.fromEntries(
  ["emr", "sns", "stepfunctions"].map((service) => [service, new ServiceModel(join(root, ".orchard"), service)]),
);

/** EC2's Graviton types have a "g" after the generation; the wheels on S3 are for one architecture. */
function architecturesOf({ InstanceFleets: fleets = [], InstanceGroups: groups = [] }: Instances) {
  return new Set(
    [...groups, ...fleets.flatMap(({ InstanceTypeConfigs: configs = [] }) => configs)].map(({ InstanceType: type }) =>
      /^[a-z]+\d+g/.test(type),
    ),
  );
}

/** What AWS refuses beyond its models. */
const rules: Readonly<Record<string, (input: Json) => void>> = {
  RunJobFlow: (input) => {
    checkJobFlow(input);
    // Step Functions guide, "Create and manage Amazon EMR clusters": mandatory, and no Steps.
    expect(input.Instances.KeepJobFlowAliveWhenNoSteps).toBe(true);
    expect(input.Steps).toBeUndefined();
    expect(architecturesOf(input.Instances).size).toBe(1);
  },
  AddJobFlowSteps: ({ Steps }) => checkSteps(Steps),
  AddTags: ({ Tags }) => checkTags(Tags),
  PutAutoTerminationPolicy: ({ AutoTerminationPolicy }) => checkIdleTimeout(AutoTerminationPolicy.IdleTimeout),
  // API reference, TerminateJobFlows: "The maximum number of clusters allowed is 10."
  TerminateJobFlows: ({ JobFlowIds }) => expect(JobFlowIds.length).toBeLessThanOrEqual(10),
  // API reference, Publish: a subject of ASCII, without line breaks and control characters, fewer than 100 characters;
  // a message of at most 262,144 bytes.
  Publish: ({ Subject, Message }) => {
    expect(Subject).toMatch(/^[\x21-\x7e][\x20-\x7e]{0,98}$/);
    expect(Buffer.byteLength(Message)).toBeLessThanOrEqual(262_144);
  },
  // API reference, StartExecution: what a name must not contain; an input of at most 262,144 bytes.
  StartExecution: ({ name, input }) => {
    expect(name).not.toMatch(/[\s<>{}[\]?*"#%\\^|~`$&,;:/]|\p{Cc}/u);
    expect(Buffer.byteLength(input)).toBeLessThanOrEqual(262_144);
  },
};

function judge({ service, operation, input }: Request): void {
  models[service]?.check(operation, input);
  rules[operation]?.(input);
}

/** The protocols write a time as a number. */
function onTheWire(input: unknown): Json {
  return JSON.parse(
    JSON.stringify(input, function (this: Json, key, value) {
      return this[key] instanceof Date ? this[key].getTime() / 1000 : value;
    }),
  );
}
function fromTheWire(answer: unknown): Json {
  return JSON.parse(JSON.stringify(answer), (key, value) => (/DateTime$/.test(key) ? new Date(value * 1000) : value));
}

/** Clients that take every request down; EMR's answers are the simulation's. */
function recorder() {
  const requests: Request[] = [];
  const clock = new Clock();
  const emr = new Emr(clock);
  const call = (operation: string, input: unknown) => {
    requests.push({ service: "emr", operation, input: onTheWire(input) });
    return emr.handle(operation, onTheWire(input)) as Json;
  };
  const client = (service: Request["service"], answer: object) => ({
    send: async (command: Json) => {
      requests.push({ service, operation: operationOf(command), input: onTheWire(command.input) });
      return answer;
    },
  });
  return {
    requests,
    call,
    now: new Date(clock.now),
    /** Until a cluster that was asked for is up. */
    wait: () => clock.run(() => false, clock.now + 600_000),
    /** A cluster that nobody has asked for here. */
    haveCluster: (request: object) => emr.handle("RunJobFlow", request),
    emr: emrClient(async (command: Json) => fromTheWire(call(operationOf(command), command.input))),
    sns: client("sns", { MessageId: "m" }) as unknown as SNSClient,
    sfn: (answer: object) =>
      Object.assign(Object.create(SFNClient.prototype) as SFNClient, client("stepfunctions", answer)),
  };
}
function operationOf(command: object): string {
  return command.constructor.name.replace(/Command$/, "");
}
const s3 = { send: async () => ({}) } as unknown as S3Client;

/** Any text without lone surrogates: JSON on the wire has none. */
function text(maxLength: number) {
  return fc.string({ unit: "grapheme", minLength: 1, maxLength });
}
function maybe<T>(of: fc.Arbitrary<T>) {
  return fc.option(of, { nil: undefined });
}
const memory = fc.tuple(fc.integer({ min: 1, max: 64 }), fc.constantFrom("g", "m")).map(([n, unit]) => `${n}${unit}`);
function typesOf(wanted: Architecture, vcpus?: number) {
  return Object.keys(instanceTypes).filter(
    (name) =>
      instanceTypes[name]?.architecture === wanted && (vcpus === undefined || instanceTypes[name]?.vcpus === vcpus),
  );
}

/** Every key of the execution's input, with the values that it may have. */
function inputFor(architecture: Architecture) {
  return fc
    .record({
      mode: fc.constantFrom(...modes),
      label: text(1024),
      input: maybe(text(900).map((prefix) => `s3://some-bucket/${prefix}`)),
      splits: maybe(fc.uniqueArray(text(50), { minLength: 1, maxLength: 20 })),
      limit: maybe(fc.integer({ min: 2, max: 10_000_000 })),
      pca: maybe(
        fc.oneof(
          fc.integer({ min: 1, max: 1280 }).map((components) => ({ components })),
          fc.double({ min: 0.01, max: 1, noNaN: true }).map((variance) => ({ variance })),
        ),
      ),
      formats: maybe(fc.subarray([...formats], { minLength: 1 })),
      force: maybe(fc.boolean()),
      overlap: maybe(fc.constantFrom(...overlaps)),
      keepMinutes: maybe(fc.integer({ min: 0, max: 9_120 })),
      maxCostUsd: maybe(fc.double({ min: 0.01, max: 1e6, noNaN: true })),
      cluster: maybe(
        fc.record(
          {
            primaryType: fc.constantFrom(...typesOf(architecture)),
            coreType: fc.constantFrom(...typesOf(architecture)),
            coreCount: fc.integer({ min: 0, max: 50 }),
            market: fc.constantFrom(...markets),
            ebsGiB: fc.integer({ min: 32, max: 1024 }),
            executorMemory: memory,
            executorMemoryOverhead: memory,
          },
          { requiredKeys: [] },
        ),
      ),
      quality: maybe(fc.record({ maxErrorRate: fc.double({ min: 0, max: 1, noNaN: true }) })),
    })
    .map(({ label, ...input }) =>
      JSON.parse(JSON.stringify(modesWithLabel.includes(input.mode) ? { ...input, label } : input)),
    );
}

function id(prefix: string) {
  return fc.integer({ min: 1, max: 9 }).map((digit) => `${prefix}-0123456789abcdef${digit}`);
}
/** The stack's configuration of its clusters. */
function defaultsFor(architecture: Architecture) {
  return fc
    .record({
      primaryTypes: maybe(fc.subarray(typesOf(architecture, 4), { minLength: 1 })),
      coreTypes: maybe(
        fc.constantFrom(4, 8).chain((vcpus) => fc.subarray(typesOf(architecture, vcpus), { minLength: 1 })),
      ),
      coreCount: fc.integer({ min: 1, max: 50 }),
      maxCoreCount: fc.integer({ min: 1, max: 50 }),
      market: fc.constantFrom(...markets),
      ebsGiB: fc.integer({ min: 32, max: 1024 }),
      idleTimeoutMinutes: fc.integer({ min: 10, max: 10_080 }),
      deadlineMinutes: fc.integer({ min: 10, max: 900 }),
      jupyterHub: fc.boolean(),
      subnetIds: fc.array(id("subnet"), { maxLength: 3 }),
      securityGroups: fc.option(fc.record({ primary: id("sg"), core: id("sg"), serviceAccess: fc.option(id("sg")) })),
      keyPair: fc.option(text(255)),
    })
    .map((given) =>
      clusterDefaultsSchema.parse(
        JSON.parse(
          JSON.stringify({ ...given, architecture, maxCoreCount: Math.max(given.coreCount, given.maxCoreCount) }),
        ),
      ),
    );
}

/** API reference, StartExecution: 1 to 80 characters; of these Preflight lets through what a tag may have. */
const aName = fc
  .array(fc.constantFrom(..."abcXYZ019_.=+-@é"), { minLength: 1, maxLength: 80 })
  .map((letters) => letters.join(""))
  .filter((name) => !/^\.+$/.test(name));

function caseFor(architecture: Architecture) {
  return fc.record({
    name: aName,
    input: inputFor(architecture),
    defaults: defaultsFor(architecture),
    images: fc.oneof(fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 1, max: 20_000_000 })),
    /** The state that fails, or none. */
    failing: maybe(fc.constantFrom(...tasks(deployed.definition).map(([state]) => state))),
    error: fc.record({ name: text(80), message: text(5_000) }),
  });
}
const aCase = fc.constantFrom(...architectures).chain(caseFor);
type Case = typeof aCase extends fc.Arbitrary<infer T> ? T : never;

/** The plan as Preflight makes it. @throws InvalidInput where Preflight does */
function planOf({ name: runId, input, defaults, images }: Case): Plan {
  const { pcaComponents } = defaults;
  const inputDefaults = { bucket, inputPrefix: "data/raw/", maxCostUsd: 10_000, maxKeepMinutes: 9_120, pcaComponents };
  const {
    maxCostUsd,
    cluster: overrides,
    imageTree,
    layout,
    splits,
    defaultSplit,
    ...resolved
  } = parseInput(input, inputDefaults);
  const isFull = resolved.mode !== "inventory";
  const steps = { inventory: true, features: isFull, reduction: isFull, any: true };
  const work = { images, newImages: images, steps };
  const request = {
    runId,
    bucket,
    work,
    overrides,
    defaults,
    maxCostUsd,
    keepMinutes: resolved.keepMinutes,
    region: "eu-west-1",
  };
  const { cluster, estimate, problems } = planCluster(request);
  const wrong = (["primaryType", "coreType"] as const).map((key) =>
    architectureProblem(key, overrides[key], defaults.architecture),
  );
  if (problems.length > 0 || wrong.some((problem) => problem !== undefined) || estimate.usd > maxCostUsd) {
    throw new InvalidInput("Preflight refuses it");
  }
  const counts = { images, labels: 1, bytes: images * 6_000 };
  return aPlan(bucket, {
    ...resolved,
    tree: treeRules(layout ?? "split/label"),
    splits: splits === null ? null : [...splits],
    usedSplits: [...(splits ?? [defaultSplit ?? "Training"])],
    input: imageTree,
    runId,
    counts,
    cluster,
    estimate,
    steps,
  });
}

/** Plays the deployed definition with the real functions, as far as they ask EMR, SNS or Step Functions for something. */
async function play(one: Case): Promise<readonly Request[]> {
  const { requests, call, now, wait, haveCluster, emr, sns, sfn } = recorder();
  const id = `${deployed.stateMachineArn.replace(":stateMachine:", ":execution:")}:${one.name}`;
  const execution = { Id: id, Name: one.name, StartTime: now.toISOString() };
  const validation = { images: 1, labels: 1, errors: 0, errorRate: 0, computed: 1, reused: 0, components: 1 };
  const upload = {
    AWS_REGION: "eu-west-1",
    DATA_BUCKET: bucket,
    LAMBDA_TASK_ROOT: root,
    MODEL_SHA256: "a".repeat(64),
    MODEL_ASSET: "s3://assets/model.tflite",
    WHEELHOUSE_SHA256: "b".repeat(64),
    WHEELHOUSE_ASSET: "s3://assets/wheelhouse.tar",
  };
  const services: Readonly<Record<string, (input: Json) => unknown>> = {
    TakeTurn: (event) => takeTurn(takeTurnEventSchema.parse(event), sfn({})),
    Preflight: () => planOf(one),
    UploadScripts: (event) => uploadScripts(event, upload, s3),
    ValidateResults: () => ({ ...validation, variance: 0.5, warnings: [one.error.message], results: "s3://b/r/" }),
    KeepCluster: (event) => keepCluster(keepClusterEventSchema.parse(event), emr, now),
    TerminateClusterAfterFailure: (event) =>
      terminateCluster(terminateClusterEventSchema.parse(event), { emr, sfn: sfn({}) }),
    ConfirmTerminated: (event) =>
      confirmTerminated(confirmTerminatedEventSchema.parse(event), emr, { attempts: 1, pauseMs: 0 }),
    RecordCost: (event) => recordCost(recordCostEventSchema.parse(event), emr, s3),
    DiagnoseFailure: (event) =>
      diagnoseFailure(diagnoseFailureEventSchema.parse(event), upload, { s3, emr }, { attempts: 1, pauseMs: 0 }),
    NotifySuccess: (event) => notifyFinished(notifyEventSchema.parse(event), { TOPIC_ARN: deployed.topicArn }, sns),
    NotifyFailure: (event) => notifyFinished(notifyEventSchema.parse(event), { TOPIC_ARN: deployed.topicArn }, sns),
  };
  const integrations: Readonly<Record<string, (input: Json) => unknown>> = {
    "elasticmapreduce:createCluster.sync": async (input) => {
      const { JobFlowId: ClusterId } = call("RunJobFlow", input);
      await wait();
      return { ClusterId };
    },
    "elasticmapreduce:addStep.sync": ({ ClusterId, Step }) =>
      call("AddJobFlowSteps", { JobFlowId: ClusterId, Steps: [Step] }),
    "aws-sdk:emr:putManagedScalingPolicy": (input) => call("PutManagedScalingPolicy", input),
    "elasticmapreduce:terminateCluster.sync": ({ ClusterId }) => call("TerminateJobFlows", { JobFlowIds: [ClusterId] }),
  };
  const lifetime = { defer: () => undefined } as unknown as Lifetime;
  const clients = { sfn: sfn({}) } as unknown as Clients;
  await startExecution(lifetime, clients, deployed.stateMachineArn, one.name, one.input, true);
  const states = tasks(deployed.definition);
  const handlers = states.map(([state, { Resource = "" }]) => [
    state,
    async (input: Json) => {
      const run = services[state] ?? integrations[Resource.replace("arn:aws:states:::", "")];
      const answer = await run?.(input);
      if (state === one.failing) throw Object.assign(new Error(one.error.message), { name: one.error.name });
      return answer ?? {};
    },
  ]);
  const machine = new StateMachine(deployed.definition as unknown as StateMachineDefinition, {
    validationOptions: { noValidate: true },
  });
  const waiting = Object.fromEntries(states.map(([state]) => [state, 0]));
  const { result } = machine.run(one.input, {
    overrides: { taskResourceLocalHandlers: Object.fromEntries(handlers), retryIntervalOverrides: waiting },
    context: { Execution: execution },
  });
  await result.catch(() => undefined);

  const changed = {
    detail: { executionArn: id, name: one.name, status: "ABORTED" as const, startDate: now.getTime() },
  };
  const described = sfn({ status: "ABORTED", cause: one.error.message, startDate: now, input: "{}" });
  await terminateCluster(terminateClusterEventSchema.parse(changed), { emr, sfn: described });
  await notifyStopped(
    { execution: { id, name: one.name }, endedAt: undefined },
    { TOPIC_ARN: deployed.topicArn },
    { emr, sfn: described, sns },
  );
  haveCluster(lost(one, id));
  const config = { STATE_MACHINE_ARN: deployed.stateMachineArn, MAX_CLUSTER_HOURS: 24 };
  await sweepClusters(config, { emr, sfn: described }, new Date(now.getTime() + 3_600_000));
  return requests;
}

/** A cluster of the execution that is left for the sweep. */
function lost({ name }: Case, executionArn: string) {
  return {
    Name: `orchard-${name}`,
    ReleaseLabel: "emr-7.13.0",
    ServiceRole: "service",
    JobFlowRole: "profile",
    Instances: { KeepJobFlowAliveWhenNoSteps: true, InstanceCount: 1, TerminationProtected: true },
    Tags: [{ Key: "orchard:execution-arn", Value: executionArn }],
  };
}

it(`makes no request that AWS would refuse: ${runs} generated executions`, async () => {
  const judged = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(aCase, async (one) => {
      const requests = await play(one);
      metrics.clearMetrics();
      for (const request of requests) {
        judge(request);
        const kind = `${request.service}:${request.operation}`;
        judged.set(kind, (judged.get(kind) ?? 0) + 1);
      }
    }),
    { numRuns: runs },
  );
  console.log(`requests: ${[...judged].map(([kind, count]) => `${count} ${kind}`).join(", ")}`);
  expect([...judged.keys()].sort()).toEqual([
    "emr:AddJobFlowSteps",
    "emr:AddTags",
    "emr:DescribeCluster",
    "emr:ListClusters",
    "emr:ListInstances",
    "emr:ListSteps",
    "emr:PutAutoTerminationPolicy",
    "emr:PutManagedScalingPolicy",
    "emr:RunJobFlow",
    "emr:SetTerminationProtection",
    "emr:TerminateJobFlows",
    "sns:Publish",
    "stepfunctions:DescribeExecution",
    "stepfunctions:ListExecutions",
    "stepfunctions:StartExecution",
  ]);
}, 300_000);
