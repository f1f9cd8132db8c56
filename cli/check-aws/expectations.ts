// Lists the assumptions of the embedded account about AWS, under their ids in docs/assumptions.md.
import { rates } from "../../lambdas/planning/rates.ts";
import type { Kind, Observation, Run } from "./observation.ts";

/** EMR uploads logs to S3 every five minutes. Management Guide, "Configure cluster logging and debugging". */
const logMinutes = 5;

export interface Expectation {
  /** Id of the assumption. */
  readonly assumption: string;
  readonly runs: readonly Run[];
  /** @default all kinds of clusters */
  readonly kinds?: readonly Kind[];
  readonly aspect: string;
  readonly expected: string;
  /** The answer in the form of `expected`, or a number that must not be greater than `atMost`. */
  readonly answer: (observation: Observation) => string | number | null;
  readonly atMost?: number;
}

const successful = ["inventory", "mini", "doubled"] as const;
const all = [...successful, "failing", "stopped"] as const;

function stepsOf({ cluster }: Observation): string {
  return cluster?.steps.map(({ name, state }) => `${name} ${state}`).join(", ") ?? "no cluster";
}

/** Whether EMR put a log below the cluster's folder, by its key with `*` in place of ids. */
function hasLog(key: RegExp): (observation: Observation) => string {
  return ({ cluster }) => (cluster?.logs.some((log) => key.test(log)) ? "present" : "missing");
}

export const expectations: readonly Expectation[] = [
  {
    assumption: "A1",
    runs: all,
    aspect: "the cluster",
    expected: "created",
    answer: ({ cluster }) => (cluster ? "created" : "not created"),
  },
  {
    assumption: "A2",
    runs: successful,
    aspect: "status of the execution",
    expected: "SUCCEEDED",
    answer: ({ status }) => status,
  },
  {
    assumption: "A3",
    runs: ["inventory", "doubled"],
    aspect: "steps",
    expected: "Inventory COMPLETED",
    answer: stepsOf,
  },
  {
    assumption: "A3",
    runs: ["mini"],
    aspect: "steps",
    expected: "Inventory COMPLETED, ExtractFeatures COMPLETED, ReduceDimensions COMPLETED",
    answer: stepsOf,
  },
  {
    assumption: "A4",
    runs: ["failing"],
    aspect: "steps",
    expected: "Inventory COMPLETED, ExtractFeatures FAILED",
    answer: stepsOf,
  },
  {
    assumption: "A4",
    runs: ["failing"],
    aspect: "error of the state",
    expected: "addStep.sync States.TaskFailed",
    answer: ({ taskFailure }) => taskFailure,
  },
  {
    assumption: "A4",
    runs: ["failing"],
    aspect: "status and error of the execution",
    expected: "FAILED States.TaskFailed",
    answer: ({ status, error }) => `${status} ${error}`,
  },
  {
    assumption: "A5",
    runs: ["failing"],
    aspect: "the cause",
    expected: "names model.tflite",
    answer: ({ cause }) => (cause.includes("model.tflite") ? "names model.tflite" : cause),
  },
  {
    assumption: "A6",
    runs: ["stopped"],
    aspect: "status of the execution",
    expected: "ABORTED",
    answer: ({ status }) => status,
  },
  {
    assumption: "A6",
    runs: ["stopped"],
    aspect: "minutes from the stop to the cluster's end",
    expected: "at most 10",
    atMost: 10,
    answer: ({ cluster }) => cluster?.endMinutes ?? null,
  },
  {
    assumption: "A7",
    runs: all,
    aspect: "end of the cluster",
    expected: "TERMINATED USER_REQUEST",
    answer: ({ cluster }) => `${cluster?.state} ${cluster?.reason}`,
  },
  {
    assumption: "A8",
    runs: all,
    aspect: "release",
    expected: "emr-7.13.0",
    answer: ({ cluster }) => cluster?.release ?? null,
  },
  {
    assumption: "A9",
    runs: [...successful, "failing"],
    aspect: "log steps/<id>/controller.gz",
    expected: "present",
    answer: hasLog(/^steps\/\*\/controller\.gz$/),
  },
  {
    assumption: "A9",
    runs: ["failing"],
    aspect: "log steps/<id>/stderr.gz",
    expected: "present",
    answer: hasLog(/^steps\/\*\/stderr\.gz$/),
  },
  {
    assumption: "A10",
    runs: [...successful, "failing"],
    aspect: "log of the bootstrap action",
    expected: "present",
    answer: hasLog(/^node\/\*\/bootstrap-actions\/\d+\/.*\.gz$/),
  },
  {
    assumption: "A11",
    runs: ["failing"],
    aspect: "minutes from a step's end to its log",
    expected: `at most ${logMinutes}`,
    atMost: logMinutes,
    answer: ({ cluster }) => cluster?.logMinutes ?? null,
  },
  {
    assumption: "A12",
    runs: [...successful, "failing"],
    aspect: "minutes from RunJobFlow to ready",
    expected: `at most ${rates.startMinutes.value + rates.bootstrapMinutes.value}`,
    atMost: rates.startMinutes.value + rates.bootstrapMinutes.value,
    answer: ({ cluster }) => cluster?.startMinutes ?? null,
  },
  {
    assumption: "A13",
    runs: successful,
    aspect: "actual cost, as a share of the quote",
    expected: "at most 1.5",
    atMost: 1.5,
    answer: ({ actualUsd, quotedUsd }) => (actualUsd !== null && quotedUsd ? actualUsd / quotedUsd : null),
  },
  {
    assumption: "A17",
    runs: successful,
    kinds: ["encrypted"],
    aspect: "status of the execution with encrypted volumes",
    expected: "SUCCEEDED",
    answer: ({ status }) => status,
  },
  {
    assumption: "A27",
    runs: [...successful, "failing"],
    aspect: "minutes from a step's end to its state's",
    expected: `at most ${rates.pollMinutes.value}`,
    atMost: rates.pollMinutes.value,
    answer: ({ cluster }) => cluster?.pollMinutes ?? null,
  },
];
