import { gzipSync } from "node:zlib";
import {
  type Cluster,
  DescribeClusterCommand,
  type EMRClient,
  type Instance,
  ListClustersCommand,
  ListInstancesCommand,
  ListStepsCommand,
  type StepSummary,
} from "@aws-sdk/client-emr";
import { GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import type { Diagnosis } from "../../../lambdas/contract/failure.ts";
import { partialStateSchema } from "../../../lambdas/contract/state-data.ts";
import { type DiagnoseClients, diagnoseFailure } from "../../../lambdas/diagnosis/diagnose.ts";
import type { Polling } from "../../../lambdas/diagnosis/log-files.ts";
import { emrClient } from "../../doubles/emr.ts";
import { anExecution, aPlan } from "../fixtures.ts";

export const bucket = "orchard-data-123456789012";

/** A bucket with the logs of the cluster j-1, in memory. */
export class LogBucket {
  private readonly objects = new Map<string, Uint8Array>();
  /** Number of ListObjectsV2 requests. */
  lists = 0;
  /** Called before each response to ListObjectsV2. */
  beforeList: (() => void) | undefined;
  /** The SDK's paginator accepts only a real client. */
  readonly client = Object.assign(new S3Client({}), { send: async (command: unknown) => this.answer(command) });

  /** Writes a gzipped log, by its path in the cluster's folder. */
  write(path: string, lines: readonly string[]): void {
    this.writeBytes(path, gzipSync(lines.join("\n")));
  }

  writeBytes(path: string, content: Uint8Array): void {
    this.objects.set(`logs/emr/j-1/${path}`, content);
  }

  private answer(command: unknown): unknown {
    if (command instanceof ListObjectsV2Command) {
      this.lists += 1;
      this.beforeList?.();
      const keys = [...this.objects.keys()].filter((key) => key.startsWith(command.input.Prefix ?? ""));
      return { Contents: keys.map((Key) => ({ Key, Size: this.objects.get(Key)?.length })) };
    }
    if (command instanceof GetObjectCommand) {
      const content = this.objects.get(command.input.Key ?? "");
      if (!content) throw Object.assign(new Error("The specified key does not exist."), { name: "NoSuchKey" });
      return { Body: { transformToByteArray: async () => content } };
    }
    throw new Error(`The log bucket has no answer to ${String(command)}`);
  }
}

/** EMR's answers about the cluster j-1. */
export interface EmrAnswers {
  /** Members that differ from a cluster that run-1 created; null if there is no cluster. */
  readonly cluster?: Cluster | null;
  /** undefined rejects ListInstances. */
  readonly instances?: readonly Instance[];
  readonly steps?: readonly StepSummary[];
}

/** EMR with one cluster in any state. MiniStack's clusters cannot fail. */
export function emrWith({ cluster = {}, instances, steps = [] }: EmrAnswers): EMRClient {
  const found = cluster && {
    Id: "j-1",
    Name: "orchard-run-1",
    Tags: [{ Key: "orchard:execution-arn", Value: anExecution().id }],
    ...cluster,
  };
  return emrClient(async (command) => {
    if (command instanceof DescribeClusterCommand) return { Cluster: found };
    if (command instanceof ListClustersCommand) return { Clusters: found ? [found] : [] };
    if (command instanceof ListStepsCommand) return { Steps: steps };
    if (command instanceof ListInstancesCommand && instances) return { Instances: instances };
    throw new Error(`EMR has no answer to ${String(command)}`);
  });
}

/** Diagnoses the execution run-1 with these members of the state data. */
export function diagnose(
  logs: LogBucket,
  state: object,
  emr: EmrAnswers = {},
  clients: Partial<DiagnoseClients> = {},
  polling: Polling = { attempts: 3, pauseMs: 1 },
): Promise<Diagnosis> {
  return diagnoseFailure(
    { state: partialStateSchema.parse({ input: {}, ...state }), execution: anExecution() },
    { DATA_BUCKET: bucket },
    { s3: logs.client, emr: emrWith(emr), ...clients },
    polling,
  );
}

/** State data of a run that failed with its cluster j-1. */
export function onCluster(error: object, plan: Parameters<typeof aPlan>[1] = {}): object {
  return { plan: aPlan(bucket, { confirmed: true, ...plan }), scripts: {}, cluster: { id: "j-1" }, error };
}

/** State data of a run that failed while it created its cluster. */
export function inCreation(error: object): object {
  return { plan: aPlan(bucket), scripts: {}, error };
}

/** An error that a Lambda function threw. */
export function thrown(errorType: string, errorMessage: string): object {
  return { Error: errorType, Cause: JSON.stringify({ errorType, errorMessage, trace: [] }) };
}

export const timeout = { Error: "States.Timeout", Cause: "" };

/** The error of a step that failed. */
export const stepError = { Error: "States.TaskFailed", Cause: '{"Step":{"Status":{"State":"FAILED"}}}' };

export const completedStep = { Id: "s-1", Name: "Inventory", Status: { State: "COMPLETED" } } satisfies StepSummary;
export const failedStep = {
  Id: "s-2",
  Name: "ExtractFeatures",
  Status: { State: "FAILED", FailureDetails: { Reason: "Unknown Error." } },
} satisfies StepSummary;
export const cancelledStep = { ...failedStep, Status: { State: "CANCELLED" } } satisfies StepSummary;
