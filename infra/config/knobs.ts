import { RetentionDays } from "aws-cdk-lib/aws-logs";
import { z } from "zod";
import { modelWeights } from "../../lambdas/contract/choices.ts";
import { clusterKnobs } from "../../lambdas/contract/cluster-knobs.ts";
import { maxExecutionHours } from "../../lambdas/contract/execution.ts";
import { costBounds, maxKeepMinutesBound } from "../../lambdas/contract/input.ts";
import {
  executionInput,
  flag,
  flagFromText,
  list,
  number,
  numberFromText,
  timeZone,
  wholeNumber,
} from "./coercions.ts";
import { existingResourceKnobs, networkKnobs, securityKnobs } from "./resource-knobs.ts";
import { allowedExpressions, expressionProblem } from "./schedule-expression.ts";

// The metadata of a knob: `description` completes "allowed: ..." in error messages, `help` states its purpose,
// `defaultText` explains the default, and `examples` has values. docs/configuration.md is generated from it.

const instanceTypes = list(/^[a-z][a-z0-9-]*\.[a-z0-9-]+$/).optional();
const instanceTypesAllowed = "EC2 instance types, such as m5.xlarge,m5a.xlarge";
const plannersChoice = "the planner's choice for the number of images";
/** The retention times that CloudWatch Logs accepts, in days. */
const logGroupDays = Object.values(RetentionDays).filter((days): days is number => typeof days === "number");

const artifactKnobs = {
  modelFile: z
    .string()
    .min(1)
    .optional()
    .meta({
      description: "a file",
      help: "The model's file, with its `model.json` beside it ([models.md](models.md)).",
      defaultText: "`.orchard/model/model.tflite`, which `orchard model` makes",
      examples: ["models/model.tflite"],
    }),
  modelWeights: z
    .enum(modelWeights)
    .optional()
    .meta({
      description: "imagenet, file or seeded",
      help: "Origin of the weights that the model has: Keras's own file, another file of weights, or random numbers.",
      defaultText: "the `weights` in the `model.json` beside the model",
      examples: ["imagenet"],
    }),
  wheelhouseFile: z
    .string()
    .min(1)
    .optional()
    .meta({
      description: "a file",
      help: "The Python wheels that the bootstrap action installs, `wheelhouse.tar`.",
      defaultText:
        "`.orchard/wheelhouse-<architecture>/wheelhouse.tar`, which `orchard wheelhouse` makes, or else this machine's, `.orchard/wheelhouse/wheelhouse.tar`",
      examples: ["wheels/wheelhouse.tar"],
    }),
  bf16WheelhouseFile: z
    .string()
    .min(1)
    .optional()
    .meta({
      description: "a file, with architecture x86_64",
      help: "The wheels that the nodes of runs in bf16 install in addition, which `orchard wheelhouse --precision bf16` makes.",
      defaultText: "none: the stack runs in float32 only",
      examples: [".orchard/wheelhouse-bf16/wheelhouse.tar"],
    }),
  allowSeededWeights: flag.default(false).meta({
    description: "true or false",
    help: "Run with random weights. The features mean nothing then, so use it for trials only.",
    examples: [true],
  }),
};

const regionKnobs = {
  allowNonEuRegion: flag.default(false).meta({
    description: "true or false",
    help: "Process images outside the European Union.",
    defaultText: "personal data stay where the GDPR applies",
    examples: [true],
  }),
};

const fleetKnobs = {
  releaseLabel: clusterKnobs.releaseLabel,
  architecture: clusterKnobs.architecture,
  primaryTypes: instanceTypes.meta({
    description: instanceTypesAllowed,
    help: "Instance types of the primary node; EMR takes one that has capacity.",
    defaultText: plannersChoice,
    examples: ["m5.xlarge,m5a.xlarge"],
  }),
  coreTypes: instanceTypes.meta({
    description: instanceTypesAllowed,
    help: "Instance types of the core nodes; EMR takes those that have capacity.",
    defaultText: plannersChoice,
    examples: ["m5.xlarge,m5a.xlarge"],
  }),
  coreCount: numberFromText(clusterKnobs.coreCount),
  maxCoreCount: numberFromText(clusterKnobs.maxCoreCount),
  market: clusterKnobs.market,
  executorMemory: clusterKnobs.executorMemory,
  executorMemoryOverhead: clusterKnobs.executorMemoryOverhead,
  driverMemory: clusterKnobs.driverMemory,
  driverMemoryOverhead: clusterKnobs.driverMemoryOverhead,
  ebsGiB: numberFromText(clusterKnobs.ebsGiB),
  idleTimeoutMinutes: numberFromText(clusterKnobs.idleTimeoutMinutes),
  deadlineMinutes: numberFromText(clusterKnobs.deadlineMinutes),
  jupyterHub: flagFromText(clusterKnobs.jupyterHub),
  pcaComponents: numberFromText(clusterKnobs.pcaComponents),
};

const limitKnobs = {
  maxCostUsd: number(costBounds.min, costBounds.max)
    .default(10)
    .meta({
      description: "US dollars from 0.01 to 100000",
      help: "Largest quote, in US dollars, of an execution whose input sets no `maxCostUsd`.",
      defaultText: "limits the cost of a mistake; all of Fruits-360 is quoted below 1",
      examples: [2.5],
    }),
  maxClusterHours: number(maxExecutionHours + 1, 168)
    .default(48)
    .meta({
      description: "hours from 41 to 168",
      help: `Age in hours at which the sweep terminates a cluster even if its execution cannot be found or still runs. It is more than the ${maxExecutionHours} hours after which an execution times out.`,
      defaultText: "leaves eight hours for which a cluster can be kept on purpose",
      examples: [60],
    }),
  maxKeepMinutes: wholeNumber(0, maxKeepMinutesBound)
    .default(120)
    .meta({
      description: "a whole number of minutes from 0 to 7680",
      help: "Largest `keepMinutes` of an execution input: for how long a cluster may be kept after a success.",
      defaultText: "time for a few changes and tries, at a small cost if the cluster is forgotten",
      examples: [240],
    }),
};

const mailKnobs = {
  notificationEmail: z
    .email()
    .optional()
    .meta({
      description: "a mail address",
      help: "Receives a mail at the end of each execution. Its owner must confirm the subscription.",
      defaultText: "none",
      examples: ["you@example.org"],
    }),
};

const retentionKnobs = {
  logsRetentionDays: wholeNumber(1, 3_650)
    .default(90)
    .meta({
      description: "a whole number of days from 1 to 3650",
      help: "Days for which S3 keeps EMR's logs and Spark's event logs.",
      defaultText: "covers a failure of the last quarter",
      examples: [30],
    }),
  runsRetentionDays: wholeNumber(1, 3_650)
    .optional()
    .meta({
      description: "a whole number of days from 1 to 3650, or left out",
      help: "Days for which S3 keeps the results of a run.",
      defaultText: "forever: results that cost money are never deleted unasked",
      examples: [365],
    }),
  logGroupRetentionDays: number(1, 9_999)
    .refine((days) => logGroupDays.includes(days))
    .default(90)
    .meta({
      description: `a retention that CloudWatch Logs offers: ${logGroupDays.join(", ")}`,
      help: "Days for which the log groups of the functions and of the workflow keep events.",
      defaultText: "as long as EMR's logs",
      examples: [30],
    }),
};

const scheduleKnobs = {
  scheduleExpression: z
    .string()
    .refine((expression) => expressionProblem(expression) === undefined)
    .optional()
    .meta({
      description: allowedExpressions,
      help: "When executions start by themselves, in the syntax of EventBridge Scheduler. It goes with `scheduleInput`.",
      defaultText: "never, since each run costs money",
      examples: ["cron(0 3 ? * MON *)"],
    }),
  scheduleTimeZone: timeZone.default("UTC").meta({
    description: "an IANA time zone, such as Europe/Paris",
    help: "Time zone of `cron(...)` and `at(...)`.",
    defaultText: "Scheduler's own default, without daylight saving time",
    examples: ["Europe/Paris"],
  }),
  scheduleInput: executionInput.optional().meta({
    description: 'an execution\'s input as JSON, such as {"mode": "full"}, without overlap',
    help: "Execution input of the scheduled executions. It goes with `scheduleExpression`.",
    defaultText: "none",
    examples: ['{"mode": "full"}'],
  }),
  scheduleOverlap: z
    .enum(["skip", "queue"])
    .default("skip")
    .meta({
      description: "skip, or queue: it waits up to two hours",
      help: "Whether a scheduled execution is skipped or waits while an earlier one is running.",
      defaultText: "the next start does its work",
      examples: ["queue"],
    }),
};

const guardrailKnobs = {
  guardrails: flag.default(true).meta({
    description: "true or false",
    help: "Deploy a budget, alarms and a dashboard, too.",
    defaultText: "free in an account that has no others (10 alarms, 3 dashboards)",
    examples: [false],
  }),
  budgetLimit: number(0.01, 1_000_000)
    .default(10)
    .meta({
      description: "an amount from 0.01 to 1000000",
      help: "Monthly budget of the whole account, in `budgetCurrency`. Mails are sent at 50, 80 and 100 %.",
      defaultText: "the cost limit of one run",
      examples: [50],
    }),
  budgetCurrency: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .default("USD")
    .meta({
      description: "a currency's three letters, such as USD",
      help: "Currency in which the account is billed.",
      defaultText: "that of most accounts",
      examples: ["EUR"],
    }),
  alarmClusterHours: number(0.5, 168)
    .default(4)
    .meta({
      description: "hours from 0.5 to 168",
      help: "Age of a cluster, in hours, at which an alarm sends a mail.",
      defaultText: "twice the time of a full run",
      examples: [8],
    }),
};

/** The knobs by the section of docs/configuration.md that they belong to. */
export const knobSections = {
  "Model and wheels": artifactKnobs,
  Region: regionKnobs,
  Cluster: fleetKnobs,
  Limits: limitKnobs,
  Mail: mailKnobs,
  Retention: retentionKnobs,
  "Security configuration": securityKnobs,
  Network: networkKnobs,
  "Existing resources": existingResourceKnobs,
  Schedule: scheduleKnobs,
  Guardrails: guardrailKnobs,
} as const;

/** Every knob of the deployment. */
export const configSchema = z.strictObject({
  ...artifactKnobs,
  ...regionKnobs,
  ...fleetKnobs,
  ...limitKnobs,
  ...mailKnobs,
  ...retentionKnobs,
  ...securityKnobs,
  ...networkKnobs,
  ...existingResourceKnobs,
  ...scheduleKnobs,
  ...guardrailKnobs,
});

export type Config = Readonly<z.output<typeof configSchema>>;
