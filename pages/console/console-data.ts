// Defines the data that the console's page reads from the account. The structures of AWS keep AWS's names; times are
// seconds since the epoch, as in AWS's JSON protocols.

/** The header with the console's key. */
export const keyHeader = "x-orchard-console-key";

export type ExecutionStatus = "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED";

/** ExecutionListItem of Step Functions. */
export interface ExecutionItem {
  readonly executionArn: string;
  readonly stateMachineArn: string;
  readonly name: string;
  readonly status: ExecutionStatus;
  readonly startDate: number;
  readonly stopDate?: number;
  readonly redriveCount?: number;
}

export interface Overview {
  readonly account: { readonly endpoint: string; readonly region: string; readonly accountId: string };
  readonly stateMachines: readonly { readonly name: string; readonly arn: string }[];
  /** Newest first. */
  readonly executions: readonly ExecutionItem[];
  /** Whether there are more executions than these. */
  readonly isCut: boolean;
}

/** DescribeExecution of Step Functions. */
export interface ExecutionDescription extends ExecutionItem {
  readonly input: string;
  readonly output?: string;
  readonly error?: string;
  readonly cause?: string;
  readonly redriveStatus: string;
  readonly redriveStatusReason?: string;
}

export interface ExecutionView {
  readonly execution: ExecutionDescription;
  /** The Amazon States Language text that the execution runs. */
  readonly definition: string;
  /** The history without inputs and outputs. */
  readonly events: readonly HistoryEvent[];
  readonly clusters: readonly ClusterView[];
  /** progress.json of the run; null before a step has written it. */
  readonly progress: Progress | null;
  /** Path of the run's report; null as long as there is none. */
  readonly report: string | null;
}

/** HistoryEvent of Step Functions; the member with the details is named after the type. */
export interface HistoryEvent {
  readonly id: number;
  readonly type: string;
  readonly timestamp: number;
  readonly previousEventId: number;
  readonly [details: string]: unknown;
}

/** ClusterStatus and StepStatus of EMR. */
export interface EmrStatus {
  readonly State: string;
  readonly StateChangeReason?: { readonly Code?: string; readonly Message?: string };
  readonly Timeline?: {
    readonly CreationDateTime?: number;
    readonly ReadyDateTime?: number;
    readonly StartDateTime?: number;
    readonly EndDateTime?: number;
  };
  readonly FailureDetails?: { readonly Reason?: string; readonly Message?: string; readonly LogFile?: string };
}

export interface ClusterView {
  readonly Id: string;
  readonly Name: string;
  readonly ReleaseLabel?: string;
  readonly Status: EmrStatus;
  readonly Instances: readonly { readonly InstanceType: string; readonly Role: string; readonly Count: number }[];
  /** Oldest first. */
  readonly Steps: readonly { readonly Id: string; readonly Name: string; readonly Status: EmrStatus }[];
}

/** The file that the Spark job writes about once a second (docs/contracts.md). */
export interface Progress {
  readonly step: string;
  readonly state: string;
  readonly done: number;
  readonly total: number;
  readonly unit: string;
  readonly errors: number;
  readonly ratePerSecond: number;
  readonly secondsLeft: number | null;
}

export interface Mail {
  readonly subject: string;
  readonly message: string;
  readonly timestamp: string;
}

export interface LogText {
  readonly text: string;
  /** Whether the log has more before this text. */
  readonly isCut: boolean;
}
