import { existsSync, readFileSync } from "node:fs";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import { distance } from "fastest-levenshtein";
import { z } from "zod";
import { euRegions, isInEu } from "../../lambdas/catalog/regions.ts";
import { clusterKnobs } from "../../lambdas/contract/cluster-knobs.ts";
import { maxExecutionHours } from "../../lambdas/contract/execution.ts";
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

const instanceTypes = list(/^[a-z][a-z0-9-]*\.[a-z0-9-]+$/);
const instanceTypesAllowed = "EC2 instance types, such as m5.xlarge,m5a.xlarge";
const prefix = z.string().regex(/^([A-Za-z0-9!_.*'()=-]+\/)+$/);
const securityGroup = z.string().regex(/^sg-[0-9a-f]+$/);
const securityGroupAllowed = "a security group's id, such as sg-0123456789abcdef0";
function arn(service: string, resource: string) {
  return z.string().regex(new RegExp(`^arn:aws[a-z-]*:${service}:[a-z0-9-]*:\\d{12}:${resource}`));
}
/** What CloudWatch Logs takes, in days. */
const logGroupDays = Object.values(RetentionDays).filter((days): days is number => typeof days === "number");
/**
 * Every knob of the deployment. Its description says what is allowed, the comment the unit, the default's reason and
 * the source of a bound.
 */
const schema = z.strictObject({
  // What the Spark job is made of.

  /** The model, model.tflite. @default .orchard/model/model.tflite, which `npm run model` makes */
  modelFile: z.string().min(1).optional().describe("a file"),
  /** Which weights are in the model. @default what the model.json beside it says */
  modelWeights: z.enum(["imagenet", "seeded"]).optional().describe("imagenet or seeded"),
  /**
   * The wheels that the bootstrap action installs, wheelhouse.tar. @default that of the architecture,
   * .orchard/wheelhouse-<architecture>/, which `npm run wheelhouse` makes; without it this machine's, .orchard/wheelhouse/
   */
  wheelhouseFile: z.string().min(1).optional().describe("a file"),
  /** Run with random weights: for trials only, the features mean nothing. @default false */
  allowSeededWeights: flag.default(false).describe("true or false"),

  // Where.

  /** Process images outside of the European Union. @default false: people's data stay where its law holds */
  allowNonEuRegion: flag.default(false).describe("true or false"),

  // The cluster; the contract has the bounds, defaults and descriptions of most of it.

  releaseLabel: clusterKnobs.releaseLabel,
  architecture: clusterKnobs.architecture,
  /** Instance types of the primary node, any of which EMR may take. @default the planner's choice */
  primaryTypes: instanceTypes.optional().describe(instanceTypesAllowed),
  /** Instance types of the core nodes, any of which EMR may take. @default the planner's choice */
  coreTypes: instanceTypes.optional().describe(instanceTypesAllowed),
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

  // Ceilings.

  /** Ceiling of an execution that names none, US dollars. @default 10: what a mistake may cost; Fruits-360 is quoted below 1 */
  maxCostUsd: number(0.01, 100_000).default(10).describe("US dollars from 0.01 to 100000"),
  /**
   * Hours after which a cluster is ended whatever Step Functions answers. @default 24. No execution may run longer
   * than 15 hours, so it is above that; the rest is what a cluster can be kept on purpose.
   */
  maxClusterHours: number(maxExecutionHours + 1, 168)
    .default(24)
    .describe("hours from 16 to 168"),
  /**
   * Longest time that an input may keep the cluster after a success, minutes. @default 120: a few changes and tries, and
   * an evening's forgetting costs no more than that
   */
  maxKeepMinutes: wholeNumber(0, 9_120).default(120).describe("a whole number of minutes from 0 to 9120"),

  // Mail.

  /** An address that gets the mail at the end; its owner has to confirm it. @default none */
  notificationEmail: z.email().optional().describe("a mail address"),

  // How long things are kept.

  /** Days that EMR's logs and Spark's event logs stay on S3. @default 90: a failure of last quarter can be looked at */
  logsRetentionDays: wholeNumber(1, 3_650).default(90).describe("a whole number of days from 1 to 3650"),
  /** Days that the results of a run stay on S3. @default for ever: nothing that somebody paid for goes by itself */
  runsRetentionDays: wholeNumber(1, 3_650).optional().describe("a whole number of days from 1 to 3650, or left out"),
  /** Days that the functions' and the workflow's log groups keep a line. @default 90: as long as EMR's logs */
  logGroupRetentionDays: number(1, 9_999)
    .refine((days) => logGroupDays.includes(days))
    .default(90)
    .describe(`what CloudWatch Logs offers: ${logGroupDays.join(", ")}`),

  // What a cluster has to keep to.

  /**
   * EMR's security configuration: IMDSv2 alone, encrypted volumes and objects. `own` makes one in a stack of its own,
   * with a KMS key, about 1 USD a month; a name takes one that is there; `none` takes none. @default own
   */
  securityConfiguration: z
    .string()
    .regex(/^[\w.-]{1,255}$/)
    .default("own")
    .describe("own, none, or the name of an EMR security configuration"),
  /** The KMS key in a security configuration that is given, for EMR's roles to use. @default its owner lets them */
  volumeKeyArn: arn("kms", "key/").optional().describe("a KMS key's ARN"),

  // Network. docs/network.md has the prices.

  /** Sessions into the nodes by Session Manager; three interface endpoints, about 0.033 USD an hour. @default false */
  ssmAccess: flag.default(false).describe("true or false"),
  /** Zones with a subnet of the new VPC. @default 3: more places with capacity; subnets cost nothing. us-west-1 has two */
  zoneCount: wholeNumber(1, 3).default(3).describe("a whole number from 1 to 3"),
  /** A NAT gateway for the nodes, about 0.048 USD an hour and GB. @default false: S3 is all that a run needs */
  nat: flag.default(false).describe("true or false"),

  // Bring your own: what is given is not created.

  /** An existing bucket, in the stack's region. Its policy and lifecycle stay its owner's. @default a new one */
  bucketName: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/)
    .optional()
    .describe("a bucket's name"),
  /** Where in the bucket the images are, as <split>/<label>/<image>. @default data/raw/ */
  inputPrefix: prefix.default("data/raw/").describe("a prefix that ends with a slash, such as data/raw/"),
  /** An existing VPC, with `subnetIds`: the security groups are made in it. @default a new one */
  vpcId: z
    .string()
    .regex(/^vpc-[0-9a-f]+$/)
    .optional()
    .describe("a VPC's id, such as vpc-0123456789abcdef0"),
  /** Existing private subnets with a route to S3, from which EMR takes one. @default new ones */
  subnetIds: list(/^subnet-[0-9a-f]+$/)
    .optional()
    .describe("subnets' ids, such as subnet-0123456789abcdef0,subnet-0123456789abcdef1"),
  /** Existing security groups, all three or none. @default new ones */
  primarySecurityGroupId: securityGroup.optional().describe(securityGroupAllowed),
  coreSecurityGroupId: securityGroup.optional().describe(securityGroupAllowed),
  serviceAccessSecurityGroupId: securityGroup.optional().describe(securityGroupAllowed),
  /** Name of an EC2 key pair for SSH into the cluster. @default none */
  keyPair: z.string().min(1).max(255).optional().describe("an EC2 key pair's name"),
  /** An existing service role of EMR, with the instance profile and its role. @default new ones */
  emrServiceRoleArn: arn("iam", "role/").optional().describe("a role's ARN"),
  emrInstanceProfileArn: arn("iam", "instance-profile/").optional().describe("an instance profile's ARN"),
  emrInstanceRoleArn: arn("iam", "role/").optional().describe("the ARN of the role in the instance profile"),
  /** An existing topic for the mails; its policy stays its owner's. @default a new one */
  topicArn: arn("sns", "").optional().describe("an SNS topic's ARN"),

  // Schedule.

  /** When executions start by themselves, as EventBridge Scheduler takes it. @default never: each run costs money */
  scheduleExpression: z
    .string()
    .regex(/^(cron|rate|at)\(.+\)$/)
    .optional()
    .describe("cron(0 3 ? * MON *), rate(7 days) or at(2030-01-31T03:00:00)"),
  /** Time zone of cron(…) and at(…). @default UTC: Scheduler's own, without summer time */
  scheduleTimeZone: timeZone.default("UTC").describe("an IANA time zone, such as Europe/Paris"),
  /** Input of the scheduled executions. @default none; it goes with scheduleExpression */
  scheduleInput: executionInput
    .optional()
    .describe('an execution\'s input as JSON, such as {"mode": "full"}, without overlap'),
  /** What a scheduled execution does while an earlier one runs. @default skip: the next one comes */
  scheduleOverlap: z.enum(["skip", "queue"]).default("skip").describe("skip, or queue: it waits up to two hours"),

  // Guardrails.

  /** Deploy budget, alarms and dashboard, too. @default true: free where there are no others (10 alarms, 3 dashboards) */
  guardrails: flag.default(true).describe("true or false"),
  /** What the whole account may cost in a month, in budgetCurrency; mails at 50, 80 and 100 %. @default 10: the ceiling of a run */
  budgetLimit: number(0.01, 1_000_000).default(10).describe("an amount from 0.01 to 1000000"),
  /** Currency that the account is billed in. @default USD: that of most accounts */
  budgetCurrency: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .default("USD")
    .describe("a currency's three letters, such as USD"),
  /** Age at which a cluster is told of, hours. @default 4: twice a full run */
  alarmClusterHours: number(0.5, 168).default(4).describe("hours from 0.5 to 168"),
});

export type Config = Readonly<z.output<typeof schema>>;
type Knob = keyof Config;

/** m6g, c7gd, r6g, x2gd, im4gn, a1: a "g" after the generation. */
function isGraviton(type: string): boolean {
  return /^(a1|[a-z]+\d+[a-z]*g[a-z]*)\./.test(type);
}

function allOrNone(config: Config, knobs: readonly Knob[]): string[] {
  const missing = knobs.filter((knob) => config[knob] === undefined);
  if (missing.length === 0 || missing.length === knobs.length) return [];
  return [`${missing.join(", ")}: not given; allowed: ${knobs.join(", ")} together, or none of them`];
}

const securityGroups = ["primarySecurityGroupId", "coreSecurityGroupId", "serviceAccessSecurityGroupId"] as const;

/** What no knob shows alone. */
function crossProblems(config: Config, region: string | undefined): readonly string[] {
  const problems: string[] = [];
  if (region !== undefined && !isInEu(region) && !config.allowNonEuRegion) {
    problems.push(
      `allowNonEuRegion: given false, and the region is ${region}; allowed: true, or a region in the European Union (${euRegions.join(", ")})`,
    );
  }
  if (region === "us-west-1" && config.zoneCount > 2 && config.subnetIds === undefined) {
    problems.push(`zoneCount: given ${config.zoneCount}; allowed: at most 2, which is what us-west-1 has`);
  }
  for (const knob of ["primaryTypes", "coreTypes"] as const) {
    const wrong = config[knob]?.filter((type) => isGraviton(type) !== (config.architecture === "arm64")) ?? [];
    if (wrong.length > 0) {
      problems.push(`${knob}: given ${wrong.join(",")}; allowed: types of the architecture ${config.architecture}`);
    }
  }
  if (config.coreCount !== undefined && config.coreCount > config.maxCoreCount) {
    problems.push(`coreCount: given ${config.coreCount}; allowed: at most maxCoreCount, ${config.maxCoreCount}`);
  }
  const keepable = (config.maxClusterHours - maxExecutionHours) * 60;
  if (config.maxKeepMinutes > keepable) {
    problems.push(
      `maxKeepMinutes: given ${config.maxKeepMinutes}; allowed: at most ${keepable}, what maxClusterHours leaves after an execution of ${maxExecutionHours} hours`,
    );
  }
  problems.push(...allOrNone(config, securityGroups));
  problems.push(...allOrNone(config, ["scheduleExpression", "scheduleInput"]));
  problems.push(...allOrNone(config, ["emrServiceRoleArn", "emrInstanceProfileArn", "emrInstanceRoleArn"]));
  const hasGroups = config.primarySecurityGroupId !== undefined;
  if (config.subnetIds !== undefined && config.vpcId === undefined && !hasGroups) {
    problems.push("vpcId: not given; allowed: the subnets' VPC, or the three security groups, with subnetIds");
  }
  for (const knob of ["vpcId", "primarySecurityGroupId"] as const) {
    if (config[knob] !== undefined && config.subnetIds === undefined) {
      problems.push(`subnetIds: not given; allowed: subnets of ${config[knob]}, with ${knob}`);
    }
  }
  for (const knob of ["nat", "ssmAccess"] as const) {
    if (config[knob] && config.subnetIds !== undefined) {
      problems.push(`${knob}: given true; allowed: false with subnetIds, whose VPC is not this stack's to change`);
    }
  }
  return problems;
}

function describeIssue(issue: z.core.$ZodIssue, given: Readonly<Record<string, unknown>>): readonly string[] {
  if (issue.code === "unrecognized_keys" && issue.path.length === 0) {
    return issue.keys.map((key) => {
      const [nearest] = Object.keys(schema.shape).sort((a, b) => distance(a, key) - distance(b, key));
      return `${key}: there is no such knob; did you mean ${nearest}? Allowed: ${Object.keys(schema.shape).join(", ")}`;
    });
  }
  const [knob, ...inside] = issue.path as [Knob];
  const value = given[knob];
  const what = value === undefined ? "not given" : `given ${JSON.stringify(value)}`;
  // Only an execution's input has an inside; there it matters which key is wrong.
  const why = knob === "scheduleInput" ? ` (${[...inside, issue.message].join(": ")})` : "";
  return [`${knob}: ${what}; allowed: ${schema.shape[knob].description}${why}`];
}

/** A configuration that cannot be deployed; the message names every knob that is wrong. */
export class ConfigInvalid extends Error {
  override readonly name = "ConfigInvalid";
}

/** CDK's own context keys have a colon, a slash or an at sign. */
function isKnob(key: string): boolean {
  return /^\w+$/.test(key);
}

const fileSchema = z.record(z.string(), z.unknown());

function readFile(path: string): Readonly<Record<string, unknown>> {
  if (!existsSync(path)) throw new ConfigInvalid(`config: given "${path}"; allowed: a JSON file that is there`);
  try {
    return fileSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    throw new ConfigInvalid(`config: given "${path}"; allowed: a file with one JSON object of knobs`, { cause: error });
  }
}

/**
 * The deployment's configuration, from CDK context (`cdk deploy -c key=value`, or cdk.json) and from the JSON file that
 * the key `config` names. Context wins.
 *
 * @param context all of the app's context; keys that are CDK's own are left alone
 * @param region where the stack goes, if that is known at synth
 * @throws ConfigInvalid that names every knob that is wrong, what was given and what is allowed
 */
export function configFromContext(context: Readonly<Record<string, unknown>>, region?: string): Config {
  const { config: file, ...knobs } = Object.fromEntries(Object.entries(context).filter(([key]) => isKnob(key)));
  const given = { ...(file === undefined ? {} : readFile(String(file))), ...knobs };
  const parsed = schema.safeParse(given);
  const problems = parsed.success
    ? crossProblems(parsed.data, region)
    : [...new Set(parsed.error.issues.flatMap((issue) => describeIssue(issue, given)))];
  if (parsed.success && problems.length === 0) return parsed.data;
  throw new ConfigInvalid(
    `The configuration is wrong (knobs are given as -c key=value, or in a file: -c config=orchard.config.json):\n${problems.map((problem) => `  ${problem}`).join("\n")}`,
  );
}
