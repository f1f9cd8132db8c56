/** A failure of one call, and the AWS document that describes it. */
export interface Failure {
  readonly name: string;
  readonly source: string;
  /** "before": the call has no effect. "after": it has one, but fails. "silent": it has one, but is never answered. */
  readonly when: "before" | "after" | "silent";
  /** The service's error. @default the connection breaks */
  readonly error?: { readonly code: string; readonly status: number; readonly message: string };
}

const network: readonly Failure[] = [
  { name: "no connection", source: "SDK reference guide, Retry behavior: transient errors", when: "before" },
  { name: "answer lost", source: "Builders' library, Timeouts, retries and backoff: side effects", when: "after" },
  {
    name: "no answer",
    source: "SDK reference guide, Retry behavior: the SDK for JavaScript has no request time-out",
    when: "silent",
  },
];

/** Failures of a service (code, HTTP status and message of its errors), and those of the network. */
function service(
  source: string,
  ...errors: readonly (readonly [code: string, status: number, message: string])[]
): readonly Failure[] {
  return [
    ...errors.map(([code, status, message]): Failure => {
      return { name: code, source, when: "before", error: { code, status, message } };
    }),
    ...network,
  ];
}

function commonErrors(name: string): readonly Failure[] {
  return service(
    `${name} API reference, Common Errors`,
    ["ThrottlingException", 400, "Rate exceeded"],
    ["AccessDenied", 403, "User is not authorized to perform this"],
    ["InternalFailure", 500, "An unknown error"],
  );
}

const lambdaErrors = "Step Functions developer guide, Handling errors in workflows: Lambda service exceptions";
function functionFails(code: string, message: string, when: Failure["when"], source = lambdaErrors): Failure {
  return {
    name: when === "after" ? `${code} after the work` : code,
    source,
    when,
    error: { code, status: 0, message },
  };
}

/** A failure of a cluster or step itself. Its name selects the behavior in faulty-behavior.ts. */
function clusterFailure(name: string, source: string): Failure {
  return { name, source, when: "before" };
}
const invalidResults = clusterFailure("INVALID", "ValidateResults: fewer images in the results than in the plan");
const lifecycle = "EMR management guide, Understanding the cluster lifecycle";

/** Every failure of every service, and of clusters and their steps. All scenarios are made from this table. */
export const failures: Readonly<Record<string, readonly Failure[]>> = {
  emr: service(
    "Amazon EMR API reference, Common Errors; service model of elasticmapreduce",
    ["ThrottlingException", 400, "Rate exceeded"],
    ["AccessDeniedException", 400, "User is not authorized to perform this"],
    ["ValidationException", 400, "The request is not valid"],
    ["InvalidRequestException", 400, "The request is not valid"],
    ["InternalServerException", 500, "An internal failure"],
  ),
  s3: service(
    "Amazon S3 API reference, Error responses",
    ["SlowDown", 503, "Please reduce your request rate"],
    ["AccessDenied", 403, "Access Denied"],
    ["InternalError", 500, "We encountered an internal error. Please try again."],
    ["NoSuchBucket", 404, "The specified bucket does not exist"],
  ),
  sns: service(
    "Amazon SNS API reference, Publish and Common Errors",
    ["Throttled", 429, "Rate exceeded"],
    ["AuthorizationError", 403, "User is not authorized to perform: SNS:Publish"],
    ["InternalError", 500, "An internal error"],
    ["InvalidParameter", 400, "Invalid parameter: Subject"],
    ["KMSAccessDenied", 400, "The ciphertext references a key that you cannot use"],
  ),
  sts: commonErrors("STS"),
  iam: commonErrors("IAM"),
  ec2: commonErrors("EC2"),
  quotas: commonErrors("Service Quotas"),
  cloudformation: commonErrors("CloudFormation"),
  states: service(
    "Step Functions API reference, Common Errors, and DescribeExecution for KMS",
    ["ThrottlingException", 400, "Rate exceeded"],
    ["AccessDeniedException", 400, "User is not authorized"],
    ["KmsThrottlingException", 400, "Rate exceeded"],
    ["InternalFailure", 500, "An unknown error"],
  ),
  lambda: [
    functionFails("Lambda.ServiceException", "Lambda encountered an internal error", "before"),
    functionFails("Lambda.AWSLambdaException", "Lambda was unable to decrypt the environment", "before"),
    functionFails("Lambda.SdkClientException", "Unable to execute HTTP request", "before"),
    functionFails("Lambda.SdkClientException", "Unable to execute HTTP request", "after"),
    functionFails("Lambda.TooManyRequestsException", "Rate Exceeded", "before"),
    functionFails("Lambda.ResourceNotFoundException", "Function not found", "before"),
    functionFails("Lambda.Unknown", "The function ran out of memory", "before"),
    functionFails("Lambda.Unknown", "The function ran out of memory", "after"),
    functionFails(
      "Runtime.ExitError",
      "Runtime exited with error: signal: killed",
      "after",
      "Lambda guide, Troubleshoot invocation",
    ),
    functionFails("TypeError", "Cannot read properties of undefined", "before", "Lambda guide, Node.js errors"),
    { name: "function hangs", source: `${lambdaErrors}: time-out is Lambda.Unknown`, when: "silent" },
    functionFails(
      "States.DataLimitExceeded",
      "a result of more than 262144 bytes",
      "after",
      "Step Functions guide, Quotas",
    ),
    functionFails(
      "States.Runtime",
      "a path that the state's data does not have",
      "after",
      "Step Functions guide, Handling errors",
    ),
  ],
  start: ["BOOTSTRAP_FAILURE", "INSTANCE_FAILURE", "USER_REQUEST", "HANGS"].map((name) =>
    clusterFailure(name, `${lifecycle}; API reference, ClusterStateChangeReason`),
  ),
  step: ["FAILED", "CANCELLED", "INTERRUPTED", "INSTANCE_FAILURE", "USER_REQUEST", "HANGS"].map((name) =>
    clusterFailure(name, `${lifecycle}; API reference, StepStatus`),
  ),
  results: [invalidResults],
  "results:Inventory": [
    invalidResults,
    clusterFailure("GROWN", "ConfirmQuote: far more images in the inventory than in the plan"),
  ],
  shutdown: [clusterFailure("SLOW", lifecycle), clusterFailure("NEVER", lifecycle)],
  protection: [clusterFailure("PROTECTED", "EMR management guide, Using termination protection: set by a person")],
};

/** A failure in a scenario, the calls that it applies to, and how often it happens. */
export interface Fault {
  /** The calling state, "layer 2", "layer 3", "cancel" for Step Functions cancelling a task, or "*" for any. */
  readonly state: string;
  /** service:Operation; or start:, step:<name>, results:<name>, shutdown:, protection:<name> for the cluster itself. */
  readonly operation: string;
  readonly failure: Failure;
  readonly times: number;
  /** Number of calls that succeed first. @default 0 */
  readonly skip?: number;
  /** @default any execution */
  readonly execution?: string;
}

export const persistently = Number.POSITIVE_INFINITY;

/** Lists the failures of an operation: those of its name in the table, or else those of its service or kind. */
export function failuresOf(operation: string): readonly Failure[] {
  return failures[operation] ?? failures[operation.split(":")[0] ?? ""] ?? [];
}

/** Finds a failure by its name. @throws Error if the table does not have it */
export function findFailure(operation: string, name: string): Failure {
  const found = failuresOf(operation).find((failure) => failure.name === name);
  if (found === undefined) throw new Error(`The table of failures has no ${name} for ${operation}.`);
  return found;
}

export function describeFault({ state, operation, failure, times, skip = 0, execution = "" }: Fault): string {
  const caller = execution === "" ? state : `${execution} ${state}`;
  const count = times === persistently ? "∞" : times;
  return `${caller}/${operation} ${failure.name} x${count}${skip > 0 ? ` after ${skip}` : ""}`;
}
