/** A failure of one call, and where AWS says that it happens. */
export interface Failure {
  readonly name: string;
  readonly source: string;
  /** "before": the call has no effect; "after": it has, and the answer is lost; "silent": it has, and no answer ever comes. */
  readonly when: "before" | "after" | "silent";
  /** The service's error; without it the connection breaks. */
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

/** What a service refuses a call with (code, HTTP status, message), and what the network does to any. */
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

/** What a cluster or a step may do by itself; the error's code tells the model of EMR what. */
function happens(name: string, source: string): Failure {
  return { name, source, when: "before" };
}
const lifecycle = "EMR management guide, Understanding the cluster lifecycle";

/** Every failure that a call of the service can give. The one table from which scenarios are made. */
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
    happens(name, `${lifecycle}; API reference, ClusterStateChangeReason`),
  ),
  step: ["FAILED", "CANCELLED", "INTERRUPTED", "INSTANCE_FAILURE", "USER_REQUEST", "HANGS"].map((name) =>
    happens(name, `${lifecycle}; API reference, StepStatus`),
  ),
  results: [happens("INVALID", "design, failure 20: an image less than planned")],
  shutdown: [happens("SLOW", lifecycle), happens("NEVER", lifecycle)],
  protection: [happens("PROTECTED", "EMR management guide, Using termination protection: a person sets it")],
};

/** One failure in a scenario: the calls it meets, and how often. */
export interface Fault {
  /** The state that calls, or "layer 2", "layer 3", "cancel"; "*" for any. */
  readonly state: string;
  /** service:Operation, or start:, step:<name>, results:, shutdown:, protection: for what the cluster does itself. */
  readonly operation: string;
  readonly failure: Failure;
  readonly times: number;
  /** So many calls go well first. @default 0 */
  readonly skip?: number;
  /** Only for this execution. @default any */
  readonly execution?: string;
}

export const persistently = Number.POSITIVE_INFINITY;

export function failuresOf(operation: string): readonly Failure[] {
  return failures[operation.split(":")[0] ?? ""] ?? [];
}

/** @throws Error when the table has no such failure */
export function aFailure(operation: string, name: string): Failure {
  const found = failuresOf(operation).find((failure) => failure.name === name);
  if (found === undefined) throw new Error(`The table has no ${name} of ${operation}`);
  return found;
}

export function describeFault({ state, operation, failure, times, skip = 0, execution = "" }: Fault): string {
  return `${execution}${state}/${operation} ${failure.name} x${times === persistently ? "∞" : times}${skip > 0 ? ` after ${skip}` : ""}`;
}
