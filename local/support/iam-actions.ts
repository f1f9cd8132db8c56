import type { IncomingMessage } from "node:http";
import { isObject, type JsonObject } from "./aws-error.ts";

/** An API call in the terms of IAM policies. */
export interface IamAction {
  /** The operation's name in the API. */
  readonly operation: string;
  /** The action's name in policies: s3:ListBucket for ListObjectsV2. */
  readonly action: string;
  /** An ARN, or "*" for an action without resources. */
  readonly resource: string;
  /** Condition keys of the request and of the resource, such as its tags. */
  readonly context: Readonly<Record<string, string | readonly string[]>>;
}

/** The account that ARNs point to, and the tags of its EMR clusters. */
export interface IamScope {
  readonly region: string;
  readonly accountId: string;
  /** Returns a cluster's tags; none for an unknown cluster. */
  readonly clusterTags: (id: string) => Readonly<Record<string, string>>;
}

/** Action prefixes that differ from the signing name. */
const actionPrefixes: Readonly<Record<string, string>> = { monitoring: "cloudwatch" };
/** Actions that differ from the operation. Source: service authorization reference. */
const actionNames: Readonly<Record<string, string>> = { "lambda:Invoke": "lambda:InvokeFunction" };
/** Action suffixes of S3 bucket settings, by query parameter. Source: service authorization reference. */
const bucketSettings: Readonly<Record<string, string>> = {
  publicAccessBlock: "BucketPublicAccessBlock",
  replication: "ReplicationConfiguration",
  lifecycle: "LifecycleConfiguration",
  encryption: "EncryptionConfiguration",
  location: "BucketLocation",
  versioning: "BucketVersioning",
  policy: "BucketPolicy",
  policyStatus: "BucketPolicyStatus",
  tagging: "BucketTagging",
};

/**
 * Translates a call of a service other than S3.
 * @param service the signing name, e.g. elasticmapreduce
 */
export function iamActionsOf(
  scope: IamScope,
  service: string,
  operation: string,
  input: JsonObject,
): readonly IamAction[] {
  const name = `${actionPrefixes[service] ?? service}:${operation}`;
  const action = actionNames[name] ?? name;
  return targetsOf(scope, service, operation, input).map((target) => ({ operation, action, ...target }));
}

/** Translates a request to S3. Source: service authorization reference, "Actions defined by Amazon S3". */
export function s3ActionsOf(request: Pick<IncomingMessage, "method" | "url" | "headers">): readonly IamAction[] {
  const { pathname, searchParams: query } = new URL(request.url ?? "/", "http://127.0.0.1");
  const [bucket = "", ...rest] = decodeURIComponent(pathname).slice(1).split("/");
  const key = rest.join("/");
  const method = request.method ?? "GET";
  const verb = { GET: "Get", HEAD: "Get", PUT: "Put", POST: "Put", DELETE: "Delete" }[method] ?? method;
  if (bucket === "") {
    return [s3Action("ListAllMyBuckets", "")];
  }
  if (key !== "") {
    const source = request.headers["x-amz-copy-source"];
    const copied =
      source === undefined ? [] : [s3Action("GetObject", decodeURIComponent(String(source)).replace(/^\//, ""))];
    const isAbort = method === "DELETE" && query.has("uploadId");
    const objectAction = `${verb}Object${query.has("tagging") ? "Tagging" : ""}`;
    return [s3Action(isAbort ? "AbortMultipartUpload" : objectAction, `${bucket}/${key}`), ...copied];
  }
  const setting = Object.keys(bucketSettings).find((name) => query.has(name));
  if (setting !== undefined) {
    return [s3Action(`${verb}${bucketSettings[setting]}`, bucket)];
  }
  if (query.has("delete")) {
    return [s3Action("DeleteObject", `${bucket}/*`)];
  }
  if (method === "GET" || method === "HEAD") {
    const keys = ["prefix", "delimiter"].filter((name) => query.has(name));
    const context = Object.fromEntries(keys.map((name) => [`s3:${name}`, query.get(name) ?? ""]));
    return [s3Action("ListBucket", bucket, context)];
  }
  return [s3Action(method === "PUT" ? "CreateBucket" : "DeleteBucket", bucket)];
}

type Target = Pick<IamAction, "resource" | "context">;

/** Returns the resources that a call acts on, each with its condition keys. */
function targetsOf(scope: IamScope, service: string, operation: string, input: JsonObject): readonly Target[] {
  const { region, accountId } = scope;
  if (service === "elasticmapreduce") {
    return emrTargets(scope, operation, input);
  }
  if (service === "iam") {
    const { RoleName: role, InstanceProfileName: profile } = input;
    const name = role === undefined ? profile && `instance-profile/${profile}` : `role/${role}`;
    return [withoutContext(name === undefined ? "*" : `arn:aws:iam::${accountId}:${name}`)];
  }
  const { QueueUrl: queueUrl } = input;
  if (service === "sqs" && typeof queueUrl === "string") {
    return [withoutContext(`arn:aws:sqs:${region}:${accountId}:${queueUrl.split("/").at(-1)}`)];
  }
  // Other APIs name their resource by its ARN: TopicArn, executionArn, stateMachineArn, FunctionArn.
  const arn = Object.entries(input).find(
    ([name, value]) => /arn$/i.test(name) && String(value).startsWith("arn:"),
  )?.[1];
  return [withoutContext(arn === undefined ? "*" : String(arn))];
}

function emrTargets({ region, accountId, clusterTags }: IamScope, operation: string, input: JsonObject) {
  const requestContext = tagContext("elasticmapreduce:RequestTag", requestTags(input["Tags"]));
  if (operation === "RunJobFlow") {
    return [{ resource: "*", context: requestContext }];
  }
  const { JobFlowIds, ClusterId, JobFlowId, ResourceId } = input;
  const ids = [...(Array.isArray(JobFlowIds) ? JobFlowIds : []), ClusterId, JobFlowId, ResourceId].filter(
    (id) => typeof id === "string",
  );
  const targets = ids.map((id) => ({
    resource: `arn:aws:elasticmapreduce:${region}:${accountId}:cluster/${id}`,
    context: { ...tagContext("elasticmapreduce:ResourceTag", clusterTags(id)), ...requestContext },
  }));
  return targets.length === 0 ? [withoutContext("*")] : targets;
}

function withoutContext(resource: string): Target {
  return { resource, context: {} };
}

/** @param name bucket or bucket/key */
function s3Action(operation: string, name: string, context: IamAction["context"] = {}): IamAction {
  return { operation, action: `s3:${operation}`, resource: name === "" ? "*" : `arn:aws:s3:::${name}`, context };
}

function requestTags(tags: unknown): Readonly<Record<string, string>> {
  const pairs: readonly unknown[] = Array.isArray(tags) ? tags : [];
  return Object.fromEntries(pairs.filter(isObject).map((tag) => [String(tag["Key"]), String(tag["Value"] ?? "")]));
}

function tagContext(key: string, tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(tags).map(([name, value]) => [`${key}/${name}`, value]));
}
