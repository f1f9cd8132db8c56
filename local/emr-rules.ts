import { AwsError } from "./aws-error.ts";

/** The parts of a RunJobFlow or AddJobFlowSteps request that the rules look at; the service model has checked types. */
export interface StepRequest {
  readonly Name: string;
  readonly ActionOnFailure?: string;
  readonly HadoopJarStep: { readonly Jar: string; readonly Args?: readonly string[]; readonly MainClass?: string };
}

export interface Tag {
  readonly Key?: string;
  readonly Value?: string;
}

export interface InstanceGroup {
  readonly Name?: string;
  readonly InstanceRole: string;
  readonly InstanceType: string;
  readonly InstanceCount: number;
  readonly Market?: string;
}

export interface JobFlowRequest {
  readonly Name: string;
  readonly LogUri?: string;
  readonly ReleaseLabel?: string;
  readonly Instances: {
    readonly KeepJobFlowAliveWhenNoSteps?: boolean;
    readonly TerminationProtected?: boolean;
    readonly InstanceGroups?: readonly InstanceGroup[];
    readonly InstanceFleets?: readonly unknown[];
    readonly InstanceCount?: number;
    readonly MasterInstanceType?: string;
    readonly SlaveInstanceType?: string;
    readonly Ec2SubnetId?: string;
    readonly [other: string]: unknown;
  };
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
  readonly StepConcurrencyLevel?: number;
  readonly [other: string]: unknown;
}

interface Rule {
  /** What EMR says, or undefined when the request is fine. */
  readonly refusal: (request: JobFlowRequest) => string | undefined;
}

const INSTANCE_TYPE = /^[a-z][a-z0-9-]*\.(?:\d*x?large|metal(?:-\d+xl)?|medium|small|micro|nano)$/;

/** What EMR refuses although its service model allows it. */
const RULES: readonly Rule[] = [
  {
    // API reference, RunJobFlow: "ReleaseLabel … emr-x.x.x"; EMR answers an unknown one with this message.
    refusal: ({ ReleaseLabel: label }) =>
      label !== undefined && /^emr-(?:[4-7])\.\d{1,2}\.\d{1,2}$/.test(label)
        ? undefined
        : `The supplied release label is invalid: ${label}.`,
  },
  {
    // Management guide, "Service-linked and IAM roles": both roles are required since default roles are no longer implied.
    refusal: ({ JobFlowRole: role }) =>
      role === undefined || role === "" ? "InstanceProfile is required for creating cluster." : undefined,
  },
  {
    // API reference, RunJobFlow, JobFlowRole: "Also called instance profile and Amazon EC2 role": a name, not an ARN.
    refusal: ({ JobFlowRole: role }) =>
      role?.startsWith("arn:") ? `Invalid InstanceProfile: ${role}: give its name, not its ARN.` : undefined,
  },
  {
    refusal: ({ ServiceRole: role }) =>
      role === undefined || role === "" ? "ServiceRole is required for creating cluster." : undefined,
  },
  {
    // API reference, JobFlowInstancesConfig: groups, fleets and the simple form are alternatives.
    refusal: ({ Instances: instances }) =>
      instances.InstanceFleets !== undefined
        ? "The embedded account serves instance groups; it has no instance fleets."
        : instances.InstanceGroups === undefined && instances.InstanceCount === undefined
          ? "Must specify either instance groups or an instance count."
          : undefined,
  },
  {
    // API reference, InstanceRoleType: one master instance group.
    refusal: ({ Instances: { InstanceGroups: groups } }) =>
      groups !== undefined && groups.filter((group) => group.InstanceRole === "MASTER").length !== 1
        ? "Must have exactly one MASTER instance group."
        : undefined,
  },
  {
    refusal: ({ Instances: { InstanceGroups: groups } }) => {
      const bad = groups?.find((group) => !INSTANCE_TYPE.test(group.InstanceType));
      return bad === undefined ? undefined : `InstanceType '${bad.InstanceType}' is not supported.`;
    },
  },
  {
    // Management guide, "Tag clusters": at most 10 tags.
    refusal: ({ Tags: tags }) =>
      tags !== undefined && tags.length > 10 ? "A cluster can have at most 10 tags." : undefined,
  },
];

/** @throws AwsError ValidationException */
export function checkJobFlow(request: JobFlowRequest): void {
  for (const { refusal } of RULES) {
    const message = refusal(request);
    if (message !== undefined) {
      throw new AwsError("ValidationException", message);
    }
  }
  checkTags(request.Tags ?? []);
  checkSteps(request.Steps ?? []);
  checkIdleTimeout(request.AutoTerminationPolicy?.IdleTimeout);
}

/** Tagging best practices: key 1–128, value ≤ 256 of letters, digits, spaces and _ . : / = + - @; no "aws:" keys. */
export function checkTags(tags: readonly Tag[]): void {
  const legal = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
  for (const { Key: key = "", Value: value = "" } of tags) {
    const wrong =
      key.length < 1 || key.length > 128 || /^aws:/i.test(key) || !legal.test(key)
        ? `Invalid tag key: '${key}'`
        : value.length > 256 || !legal.test(value)
          ? `Invalid tag value: '${value}'`
          : undefined;
    if (wrong !== undefined) {
      throw new AwsError(
        "ValidationException",
        `${wrong}. Keys have 1 to 128 and values up to 256 letters, digits, spaces or _ . : / = + - @.`,
      );
    }
  }
}

/** API reference, HadoopJarStepConfig: Jar is required; only command-runner.jar can run here. */
export function checkSteps(steps: readonly StepRequest[]): void {
  for (const { Name: name, HadoopJarStep: jarStep } of steps) {
    if (jarStep.Jar !== "command-runner.jar") {
      throw new AwsError("ValidationException", `Step '${name}': the embedded account runs command-runner.jar only.`);
    }
    if ((jarStep.Args ?? []).length === 0) {
      throw new AwsError("ValidationException", `Step '${name}': command-runner.jar needs arguments.`);
    }
  }
}

/** API reference, AutoTerminationPolicy: "a minimum of 60 seconds and a maximum of 604800 seconds". */
export function checkIdleTimeout(seconds: number | undefined): void {
  if (seconds !== undefined && (seconds < 60 || seconds > 604_800)) {
    throw new AwsError("ValidationException", "Idle timeout must be between 60 and 604800 seconds.");
  }
}
