import { join } from "node:path";
import type { S3Client } from "@aws-sdk/client-s3";
import { StateMachine } from "aws-local-stepfunctions";
import type { Clients as AccountClients } from "../../../cli/account/aws-clients.ts";
import { startExecution } from "../../../cli/execution/watch-execution.ts";
import { uploadScripts } from "../../../lambdas/artifacts/publish-scripts.ts";
import { confirmTerminatedEventSchema } from "../../../lambdas/confirm-terminated.ts";
import { defaultFormats } from "../../../lambdas/contract/choices.ts";
import { treeRules } from "../../../lambdas/contract/image-tree.ts";
import type { Plan } from "../../../lambdas/contract/plan.ts";
import { clusterNameOf, executionTag, stackTag } from "../../../lambdas/contract/tags.ts";
import { diagnoseFailureEventSchema } from "../../../lambdas/diagnose-failure.ts";
import { diagnoseFailure } from "../../../lambdas/diagnosis/diagnose.ts";
import { keepClusterEventSchema } from "../../../lambdas/keep-cluster.ts";
import { notifyFinished } from "../../../lambdas/mail/finished-execution.ts";
import { notifyStopped } from "../../../lambdas/mail/stopped-execution.ts";
import { notifyEventSchema } from "../../../lambdas/notify.ts";
import { architectureProblem } from "../../../lambdas/planning/candidate-nodes.ts";
import { takeTurn } from "../../../lambdas/planning/overlap.ts";
import { planCluster } from "../../../lambdas/planning/planner.ts";
import { recordCost } from "../../../lambdas/planning/record-actual-cost.ts";
import { parseInput } from "../../../lambdas/preflight/parse-input.ts";
import { recordCostEventSchema } from "../../../lambdas/record-cost.ts";
import { writeReport } from "../../../lambdas/report/write-report.ts";
import { InvalidInput } from "../../../lambdas/runtime/errors.ts";
import { logger } from "../../../lambdas/runtime/handler.ts";
import { takeTurnEventSchema } from "../../../lambdas/take-turn.ts";
import { confirmTerminated } from "../../../lambdas/teardown/confirm-termination.ts";
import { keepCluster } from "../../../lambdas/teardown/keep-until.ts";
import { sweepClusters } from "../../../lambdas/teardown/sweep.ts";
import { terminateCluster } from "../../../lambdas/teardown/terminate-created-clusters.ts";
import { terminateClusterEventSchema } from "../../../lambdas/terminate-cluster.ts";
import { writeReportEventSchema } from "../../../lambdas/write-report.ts";
import { parseWithTimeouts } from "../../../local/stepfunctions/runnable.ts";
import { bucket, deploy } from "../../faults/account/deployed.ts";
import { aPlan } from "../../lambdas/fixtures.ts";
import { tasks } from "../definition.ts";
import type { AwsRequest, Json } from "./aws-request.ts";
import { recordingClients } from "./recording-clients.ts";
import type { RequestCase } from "./request-cases.ts";

const root = join(import.meta.dirname, "..", "..", "..");
const deployed = deploy();
logger.setLogLevel("SILENT");

type Clients = ReturnType<typeof recordingClients>;
type Handler = (input: Json) => unknown;

/** Accepts every request. S3's requests are not checked. */
const s3 = { send: async () => ({}) } as unknown as S3Client;
const environment = {
  AWS_REGION: "eu-west-1",
  DATA_BUCKET: bucket,
  LAMBDA_TASK_ROOT: root,
  MODEL_SHA256: "a".repeat(64),
  MODEL_ASSET: "s3://assets/model.tflite",
  WHEELHOUSE_SHA256: "b".repeat(64),
  WHEELHOUSE_ASSET: "s3://assets/wheelhouse.tar",
  TOPIC_ARN: deployed.topicArn,
};
const sweepConfig = { STACK_NAME: "Orchard", MAX_CLUSTER_HOURS: 24 };

/** Starts an execution of the deployed definition, then stops and sweeps it, and returns the requests of all functions. */
export async function requestsOf(one: RequestCase): Promise<readonly AwsRequest[]> {
  const clients = recordingClients();
  const arn = `${deployed.stateMachineArn.replace(":stateMachine:", ":execution:")}:${one.name}`;
  const account = { sfn: clients.sfn({}) } as unknown as AccountClients;
  await startExecution(account, deployed.stateMachineArn, { runId: one.name, arn }, one.input);
  await execute(one, arn, clients);
  await stopAndSweep(one, arn, clients);
  return clients.requests;
}

/** Interprets the definition with the real functions. The execution may fail. */
async function execute(one: RequestCase, arn: string, clients: Clients): Promise<void> {
  const functions = functionHandlers(one, clients);
  const integrations = integrationHandlers(clients);
  const states = tasks(deployed.definition);
  const handlers = states.map(([state, { Resource = "" }]) => [
    state,
    async (input: Json) => {
      const handler = functions[state] ?? integrations[Resource.replace("arn:aws:states:::", "")];
      const answer = await handler?.(input);
      if (state === one.failing) throw Object.assign(new Error(one.error.message), { name: one.error.name });
      return answer ?? {};
    },
  ]);
  const machine = new StateMachine(parseWithTimeouts(JSON.stringify(deployed.definition)), {
    validationOptions: { noValidate: true },
  });
  const noWaiting = Object.fromEntries(states.map(([state]) => [state, 0]));
  const { result } = machine.run(one.input, {
    overrides: { taskResourceLocalHandlers: Object.fromEntries(handlers), retryIntervalOverrides: noWaiting },
    context: { Execution: { Id: arn, Name: one.name, StartTime: clients.now.toISOString() } },
  });
  await result.catch(() => undefined);
}

function functionHandlers(one: RequestCase, { emr, now, sfn, sns }: Clients): Readonly<Record<string, Handler>> {
  const validation = { images: 1, labels: 1, errors: 0, errorRate: 0, computed: 1, reused: 0, components: 1 };
  const once = { attempts: 1, pauseMs: 0 };
  const notifyHandler: Handler = (event) => notifyFinished(notifyEventSchema.parse(event), environment, { sns, s3 });
  return {
    TakeInput: (input) => ({ input }),
    TakeTurn: (event) => takeTurn(takeTurnEventSchema.parse(event), sfn({})),
    Preflight: () => planOf(one),
    UploadScripts: (event) => uploadScripts(event, environment, s3),
    ConfirmQuote: () => ({ ...planOf(one), confirmed: true }),
    ValidateResults: () => ({ ...validation, variance: 0.5, warnings: [one.error.message], results: "s3://b/r/" }),
    KeepCluster: (event) => keepCluster(keepClusterEventSchema.parse(event), emr, now),
    TerminateClusterAfterFailure: (event) =>
      terminateCluster(terminateClusterEventSchema.parse(event), { emr, sfn: sfn({}) }),
    ConfirmTerminated: (event) => confirmTerminated(confirmTerminatedEventSchema.parse(event), emr, once),
    RecordCost: (event) => recordCost(recordCostEventSchema.parse(event), emr, s3),
    WriteReport: (event) =>
      writeReport(writeReportEventSchema.parse(event), environment, { s3, emr, sfn: sfn({ events: [] }) }),
    DiagnoseFailure: (event) =>
      diagnoseFailure(diagnoseFailureEventSchema.parse(event), environment, { s3, emr }, once),
    NotifySuccess: notifyHandler,
    NotifyFailure: notifyHandler,
  };
}

function integrationHandlers({ call, wait }: Clients): Readonly<Record<string, Handler>> {
  return {
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
}

/** Handles the event of a stopped execution, and sweeps a cluster that it left. */
async function stopAndSweep({ error, name }: RequestCase, arn: string, clients: Clients): Promise<void> {
  const { addCluster, emr, now, sns } = clients;
  const detail = { executionArn: arn, name, status: "ABORTED" as const, startDate: now.getTime() };
  const sfn = clients.sfn({ status: "ABORTED", cause: error.message, startDate: now, input: "{}" });
  await terminateCluster(terminateClusterEventSchema.parse({ detail }), { emr, sfn });
  await notifyStopped({ execution: { id: arn, name }, endedAt: undefined }, environment, { emr, sfn, sns });
  addCluster({
    Name: clusterNameOf(name),
    ReleaseLabel: "emr-7.13.0",
    ServiceRole: "service",
    JobFlowRole: "profile",
    Instances: { KeepJobFlowAliveWhenNoSteps: true, InstanceCount: 1, TerminationProtected: true },
    Tags: [
      { Key: executionTag, Value: arn },
      { Key: stackTag, Value: "Orchard" },
    ],
  });
  await sweepClusters(sweepConfig, { emr, sfn }, new Date(now.getTime() + 3_600_000));
}

/** Makes the plan as Preflight does. @throws InvalidInput for an input that Preflight refuses */
function planOf({ name: runId, input, defaults, images }: RequestCase): Plan {
  const { pcaComponents } = defaults;
  const inputDefaults = { bucket, inputPrefix: "data/raw/", maxCostUsd: 10_000, maxKeepMinutes: 7_680, pcaComponents };
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
    maxMegapixels: 80,
    overrides,
    defaults,
    maxCostUsd,
    keepMinutes: resolved.keepMinutes,
    region: "eu-west-1",
  };
  const { cluster, estimate, stepLimits, problems } = planCluster(request);
  const architectureProblems = (["primaryType", "coreType"] as const).map((key) =>
    architectureProblem(key, overrides[key], defaults.architecture),
  );
  if (
    problems.length > 0 ||
    architectureProblems.some((problem) => problem !== undefined) ||
    estimate.usd > maxCostUsd
  ) {
    throw new InvalidInput("Preflight refuses the input.");
  }
  const counts = { images, labels: 1, bytes: images * 6_000 };
  return aPlan(bucket, {
    ...resolved,
    formats: resolved.formats ?? [...defaultFormats(images)],
    reusedFeatures: resolved.reusedFeatures ?? "copy",
    tree: treeRules(layout ?? "split/label"),
    splits: splits === null ? null : [...splits],
    usedSplits: [...(splits ?? [defaultSplit ?? "Training"])],
    input: imageTree,
    runId,
    counts,
    cluster,
    estimate,
    stepLimits,
    steps,
  });
}
