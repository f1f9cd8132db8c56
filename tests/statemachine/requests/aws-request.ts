import { join } from "node:path";
import { expect } from "vitest";
import type { Instances } from "../../../local/emr/instance-rules.ts";
import { checkIdleTimeout, checkJobFlow, checkSteps, checkTags } from "../../../local/emr/request-rules.ts";
import { ServiceModel } from "../../../local/support/service-model.ts";

// biome-ignore lint/suspicious/noExplicitAny: each state and operation has its own type
export type Json = any;

/** A request in the form in which the SDK sends it to AWS. */
export interface AwsRequest {
  readonly service: "emr" | "sns" | "stepfunctions";
  readonly operation: string;
  readonly input: Json;
}

const orchardFolder = join(import.meta.dirname, "..", "..", "..", ".orchard");
const models = Object.fromEntries(
  ["emr", "sns", "stepfunctions"].map((service) => [service, new ServiceModel(orchardFolder, service)]),
);

/** Returns the architectures of a cluster; the wheelhouse allows only one. Graviton types have a "g" after the generation. */
function architecturesOf({ InstanceFleets: fleets = [], InstanceGroups: groups = [] }: Instances) {
  return new Set(
    [...groups, ...fleets.flatMap(({ InstanceTypeConfigs: configs = [] }) => configs)].map(({ InstanceType: type }) =>
      /^[a-z]+\d+g/.test(type),
    ),
  );
}

/** Rules of AWS that its service models do not state. */
const rules: Readonly<Record<string, (input: Json) => void>> = {
  RunJobFlow: (input) => {
    checkJobFlow(input);
    // Step Functions guide, "Create and manage Amazon EMR clusters": the flag is mandatory, and Steps are not allowed.
    expect(input.Instances.KeepJobFlowAliveWhenNoSteps).toBe(true);
    expect(input.Steps).toBeUndefined();
    expect(architecturesOf(input.Instances).size).toBe(1);
  },
  AddJobFlowSteps: ({ Steps }) => checkSteps(Steps),
  AddTags: ({ Tags }) => checkTags(Tags),
  PutAutoTerminationPolicy: ({ AutoTerminationPolicy }) => checkIdleTimeout(AutoTerminationPolicy.IdleTimeout),
  // API reference, TerminateJobFlows: "The maximum number of clusters allowed is 10."
  TerminateJobFlows: ({ JobFlowIds }) => expect(JobFlowIds.length).toBeLessThanOrEqual(10),
  // API reference, Publish: the subject has fewer than 100 ASCII characters without control characters, the message at
  // most 262,144 bytes.
  Publish: ({ Subject, Message }) => {
    expect(Subject).toMatch(/^[\x21-\x7e][\x20-\x7e]{0,98}$/);
    expect(Buffer.byteLength(Message)).toBeLessThanOrEqual(262_144);
  },
  // API reference, StartExecution: characters that a name must not contain, and an input of at most 262,144 bytes.
  StartExecution: ({ name, input }) => {
    expect(name).not.toMatch(/[\s<>{}[\]?*"#%\\^|~`$&,;:/]|\p{Cc}/u);
    expect(Buffer.byteLength(input)).toBeLessThanOrEqual(262_144);
  },
};

/** Checks a request against the service model and the further rules. @throws Error if AWS would refuse it */
export function checkRequest({ service, operation, input }: AwsRequest): void {
  models[service]?.check(operation, input);
  rules[operation]?.(input);
}
