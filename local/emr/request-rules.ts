import { AwsError } from "../support/aws-error.ts";
import { type Instances, instanceErrors, type ManagedScalingPolicy, scalingErrors } from "./instance-rules.ts";
import { type Configuration, yarnErrors } from "./yarn-rules.ts";

/** The members of a step request that the rules use; the service model has checked their types. */
export interface StepRequest {
  readonly Name: string;
  readonly ActionOnFailure?: string;
  readonly HadoopJarStep: { readonly Jar: string; readonly Args?: readonly string[] };
}

export interface Tag {
  readonly Key?: string;
  readonly Value?: string;
}

export interface JobFlowRequest {
  readonly Name: string;
  readonly LogUri?: string;
  readonly ReleaseLabel?: string;
  readonly Instances: Instances;
  readonly Steps?: readonly StepRequest[];
  readonly BootstrapActions?: readonly {
    readonly Name: string;
    readonly ScriptBootstrapAction: { readonly Path: string; readonly Args?: readonly string[] };
  }[];
  readonly Applications?: readonly { readonly Name?: string }[];
  readonly Tags?: readonly Tag[];
  readonly JobFlowRole?: string;
  readonly ServiceRole?: string;
  readonly AutoTerminationPolicy?: { readonly IdleTimeout?: number };
  readonly ManagedScalingPolicy?: ManagedScalingPolicy;
  readonly SecurityConfiguration?: string;
  readonly Configurations?: readonly Configuration[];
  readonly StepConcurrencyLevel?: number;
  readonly [other: string]: unknown;
}

/** Release guide, "Amazon EMR 7.x release versions": 7.0.0 to 7.13.0. Older releases are checked for their form only. */
const releasePattern = /^emr-(?:[456]\.\d{1,2}\.\d|7\.(?:\d|1[0-3])\.0)$/;

/** Release guide, "Application versions in Amazon EMR 7.x releases". The API ignores case. */
const applications =
  "AmazonCloudWatchAgent,Delta,Flink,HBase,HCatalog,Hadoop,Hive,Hudi,Hue,Iceberg,JupyterEnterpriseGateway,JupyterHub,Livy,Oozie,Phoenix,Pig,Presto,Spark,TensorFlow,Tez,Trino,Zeppelin,ZooKeeper"
    .toLowerCase()
    .split(",");

/** Yields the errors of requests that EMR refuses although its service model allows them. */
function* jobFlowErrors(request: JobFlowRequest): Generator<string> {
  const { ReleaseLabel: release, JobFlowRole: profile, ServiceRole: role, Instances: instances } = request;
  // API reference, RunJobFlow: "ReleaseLabel … emr-x.x.x"; the message is EMR's for an unknown label.
  if (release === undefined || !releasePattern.test(release)) {
    yield `The supplied release label is invalid: ${release}.`;
  }
  // Management guide, "Service-linked and IAM roles": both roles are required; EMR no longer assumes default roles.
  if (!profile) {
    yield "InstanceProfile is required for creating cluster.";
  }
  if (!role) {
    yield "ServiceRole is required for creating cluster.";
  }
  // API reference, RunJobFlow, JobFlowRole: "Also called instance profile and Amazon EC2 role": a name and not an ARN.
  if (profile?.startsWith("arn:")) {
    yield `Invalid InstanceProfile: ${profile}: give its name, not its ARN.`;
  }
  for (const { Name: name = "" } of request.Applications ?? []) {
    if (!applications.includes(name.toLowerCase())) {
      yield `Specified application: ${name} is not supported by release label: ${release}.`;
    }
  }
  // API reference, RunJobFlow, StepConcurrencyLevel: "The default value is 1. The maximum value is 256."
  const steps = request.StepConcurrencyLevel ?? 1;
  if (steps < 1 || steps > 256) {
    yield "StepConcurrencyLevel must be between 1 and 256.";
  }
  if (steps > 1) {
    yield "StepConcurrencyLevel must be 1: the embedded account runs one step at a time.";
  }
  yield* instanceErrors(instances);
  if (request.ManagedScalingPolicy !== undefined) {
    yield* scalingErrors(request.ManagedScalingPolicy, instances);
  }
  // Management guide, "Tag clusters": at most 10 tags.
  if ((request.Tags ?? []).length > 10) {
    yield "A cluster can have at most 10 tags.";
  }
}

/** @throws AwsError ValidationException */
export function checkJobFlow(request: JobFlowRequest): void {
  for (const message of jobFlowErrors(request)) {
    throw new AwsError("ValidationException", message);
  }
  checkTags(request.Tags ?? []);
  checkSteps(request.Steps ?? []);
  checkStepsFit(request.Steps ?? [], request);
  checkIdleTimeout(request.AutoTerminationPolicy?.IdleTimeout);
}

/** @throws AwsError ValidationException */
export function checkScaling(policy: ManagedScalingPolicy, instances: Instances): void {
  for (const message of scalingErrors(policy, instances)) {
    throw new AwsError("ValidationException", message);
  }
}

/**
 * Tagging best practices: keys of 1 to 128 and values of up to 256 letters, digits, spaces and _ . : / = + - @; no "aws:" keys.
 * @throws AwsError ValidationException
 */
export function checkTags(tags: readonly Tag[]): void {
  const allowed = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
  for (const { Key: key = "", Value: value = "" } of tags) {
    const problem =
      key.length < 1 || key.length > 128 || /^aws:/i.test(key) || !allowed.test(key)
        ? `Invalid tag key: '${key}'`
        : value.length > 256 || !allowed.test(value)
          ? `Invalid tag value: '${value}'`
          : undefined;
    if (problem !== undefined) {
      throw new AwsError(
        "ValidationException",
        `${problem}. Keys have 1 to 128 and values up to 256 letters, digits, spaces or _ . : / = + - @.`,
      );
    }
  }
}

/** Refuses steps that the embedded account cannot run. @throws AwsError ValidationException */
export function checkSteps(steps: readonly StepRequest[]): void {
  for (const { Name: name, ActionOnFailure: action = "TERMINATE_CLUSTER", HadoopJarStep: jarStep } of steps) {
    if (action !== "CONTINUE" && action !== "TERMINATE_CLUSTER") {
      const message = `Step '${name}': the embedded account supports CONTINUE and TERMINATE_CLUSTER only.`;
      throw new AwsError("ValidationException", message);
    }
    if (jarStep.Jar !== "command-runner.jar") {
      throw new AwsError("ValidationException", `Step '${name}': the embedded account runs command-runner.jar only.`);
    }
    if ((jarStep.Args ?? []).length === 0) {
      throw new AwsError("ValidationException", `Step '${name}': command-runner.jar needs arguments.`);
    }
  }
}

/** Refuses steps whose containers do not fit into the cluster's YARN. @throws AwsError ValidationException */
export function checkStepsFit(steps: readonly StepRequest[], cluster: JobFlowRequest): void {
  for (const { Name: name, HadoopJarStep: jarStep } of steps) {
    for (const reason of yarnErrors(jarStep.Args ?? [], cluster.Instances, cluster.Configurations)) {
      throw new AwsError("ValidationException", `Step '${name}' does not fit the embedded account's YARN: ${reason}`);
    }
  }
}

/** API reference, AutoTerminationPolicy: "a minimum of 60 seconds and a maximum of 604800 seconds". @throws AwsError ValidationException */
export function checkIdleTimeout(seconds: number | undefined): void {
  if (seconds !== undefined && (seconds < 60 || seconds > 604_800)) {
    throw new AwsError("ValidationException", "Idle timeout must be between 60 and 604800 seconds.");
  }
}
