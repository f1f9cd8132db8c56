import { createHash } from "node:crypto";
import { appendFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { GetInstanceProfileCommand, GetRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import { errorText, isObject, type JsonObject } from "./aws-error.ts";
import type { AccountContext } from "./supervise.ts";

/** Who calls: a function or a state machine under its role, a service by itself, or a person at a terminal. */
export interface Caller {
  readonly source: "lambda" | "states" | "events" | "scheduler" | "terminal";
  /** The role's ARN; null where no role's policy decides. */
  readonly role: string | null;
}

/** A line of api-calls.jsonl: what an evaluation of the role's policies needs. */
export interface ApiCall extends Caller {
  /** ISO 8601. */
  readonly time: string;
  readonly account: string;
  readonly region: string;
  /** The name of the operation in the API. */
  readonly operation: string;
  /** As policies name it: s3:ListBucket for ListObjectsV2. */
  readonly action: string;
  /** An ARN, or "*" for an action without resources. */
  readonly resource: string;
  /** Condition keys of the request and of the resource, such as its tags. */
  readonly context: Readonly<Record<string, string | readonly string[]>>;
}

export type Called = Pick<ApiCall, "operation" | "action" | "resource" | "context">;

/** Where ARNs point, and what is known of an EMR cluster there: its tags, none for an unknown one. */
export interface Place {
  readonly region: string;
  readonly accountId: string;
  readonly clusterTags: (id: string) => Readonly<Record<string, string>>;
}

/** Signing names that policies write otherwise. */
const prefixes: Readonly<Record<string, string>> = { monitoring: "cloudwatch" };
/** Service authorization reference: operations whose action has another name. */
const actions: Readonly<Record<string, string>> = { "lambda:Invoke": "lambda:InvokeFunction" };
/** The same, for what stands in the query of an S3 bucket's address. */
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

/** Writes down who called what, each kind of call once since the account started: a .sync task asks five times a second. */
export class ApiCalls {
  readonly #context: AccountContext;
  readonly #place: Place;
  readonly #roles = new Map<string, string>();
  readonly #seen = new Set<string>();

  /** @param clusterTags the tags of an EMR cluster; none for an unknown one */
  constructor(context: AccountContext, clusterTags: (id: string) => Readonly<Record<string, string>>) {
    this.#context = context;
    this.#place = { region: context.region, accountId: context.accountId, clusterTags };
  }

  /** Credentials by which the calls of a role are known. */
  credentials(role: string): { readonly accessKeyId: string; readonly secretAccessKey: string } {
    const accessKeyId = `ASIA${createHash("sha256").update(role).digest("hex").slice(0, 16).toUpperCase()}`;
    this.#roles.set(accessKeyId, role);
    return { accessKeyId, secretAccessKey: this.#context.credentials.secretAccessKey };
  }

  /** Who signed a request, or which service of the account says that it makes it. */
  callerOf(request: IncomingMessage): Caller {
    const { "x-orchard-source": source, "x-orchard-role": told } = request.headers;
    if (source === "events" || source === "scheduler") {
      return { source, role: typeof told === "string" ? told : null };
    }
    const role = this.#roles.get(scopeOf(request).accessKeyId);
    return role === undefined ? { source: "terminal", role: null } : { source: "lambda", role };
  }

  /** @param service its signing name, e.g. elasticmapreduce */
  record(caller: Caller, service: string, operation: string, input: unknown): void {
    const given = isObject(input) ? input : {};
    for (const call of callsOf(this.#place, service, operation, given)) {
      this.#write(caller, call);
    }
    if (operation === "RunJobFlow" && caller.role !== null) {
      this.#passRoles(caller, given).catch((error: unknown) =>
        this.#context.log(`api-calls: the roles of ${String(given["Name"])} are not known: ${errorText(error)}`),
      );
    }
  }

  /** RunJobFlow passes two roles: management guide, "Allow users and groups to create and modify roles". */
  async #passRoles(caller: Caller, { ServiceRole, JobFlowRole }: JsonObject): Promise<void> {
    const { ministack: endpoint, region, credentials } = this.#context;
    const iam = new IAMClient({ endpoint, region, credentials });
    const service = await iam.send(new GetRoleCommand({ RoleName: String(ServiceRole) }));
    const profile = await iam.send(new GetInstanceProfileCommand({ InstanceProfileName: String(JobFlowRole) }));
    const passed = [
      ["elasticmapreduce.amazonaws.com", service.Role?.Arn],
      ["ec2.amazonaws.com", profile.InstanceProfile?.Roles?.[0]?.Arn],
    ] as const;
    for (const [to, resource = "*"] of passed) {
      const context = { "iam:PassedToService": to };
      this.#write(caller, { operation: "PassRole", action: "iam:PassRole", resource, context });
    }
  }

  /** A request that goes through to MiniStack. @param body what it carries, for other services than S3 */
  recordHttp(caller: Caller, request: IncomingMessage, body: string): void {
    const { service } = scopeOf(request);
    if (service === "s3") {
      for (const call of s3Calls(request)) {
        this.#write(caller, call);
      }
      return;
    }
    const input = inputOf(body);
    const operation =
      String(request.headers["x-amz-target"] ?? "")
        .split(".")
        .at(-1) || input["Action"];
    if (service !== "" && typeof operation === "string") {
      this.record(caller, service, operation, input);
    }
  }

  #write(caller: Caller, call: Called): void {
    const { accountId: account, region, directory } = this.#context;
    // What people do at a terminal is no role's concern: the kind of call is enough, or every uploaded image is a line.
    const told = caller.source === "terminal" ? { ...call, resource: "*", context: {} } : call;
    const line = { ...caller, account, region, ...told };
    const key = JSON.stringify(line);
    if (!this.#seen.has(key)) {
      this.#seen.add(key);
      const record: ApiCall = { time: new Date().toISOString(), ...line };
      appendFileSync(join(directory, "api-calls.jsonl"), `${JSON.stringify(record)}\n`);
    }
  }
}

/**
 * A call of an API as policies see it.
 * @param service its signing name
 */
export function callsOf(place: Place, service: string, operation: string, input: JsonObject): readonly Called[] {
  const name = `${prefixes[service] ?? service}:${operation}`;
  return resourcesOf(place, service, operation, input).map((on) => ({
    operation,
    action: actions[name] ?? name,
    ...on,
  }));
}

/** What a call acts upon, with the condition keys that go with it. */
function resourcesOf(
  { region, accountId, clusterTags }: Place,
  service: string,
  operation: string,
  input: JsonObject,
): readonly Pick<Called, "resource" | "context">[] {
  const text = (name: string) => (typeof input[name] === "string" ? String(input[name]) : undefined);
  const one = (resource: string) => [{ resource, context: {} }];
  if (service === "elasticmapreduce") {
    if (operation === "RunJobFlow") {
      return [{ resource: "*", context: tagContext("elasticmapreduce:RequestTag", requestTags(input["Tags"])) }];
    }
    const many = Array.isArray(input["JobFlowIds"]) ? input["JobFlowIds"] : [];
    const ids = [...many, text("ClusterId"), text("JobFlowId"), text("ResourceId")].filter((id) => id !== undefined);
    const clusters = ids.map((id) => ({
      resource: `arn:aws:elasticmapreduce:${region}:${accountId}:cluster/${id}`,
      context: {
        ...tagContext("elasticmapreduce:ResourceTag", clusterTags(String(id))),
        ...tagContext("elasticmapreduce:RequestTag", requestTags(input["Tags"])),
      },
    }));
    return clusters.length === 0 ? one("*") : clusters;
  }
  if (service === "iam") {
    const role = text("RoleName");
    const profile = text("InstanceProfileName");
    const name = role === undefined ? profile && `instance-profile/${profile}` : `role/${role}`;
    return one(name === undefined ? "*" : `arn:aws:iam::${accountId}:${name}`);
  }
  if (service === "sqs" && text("QueueUrl") !== undefined) {
    return one(`arn:aws:sqs:${region}:${accountId}:${text("QueueUrl")?.split("/").at(-1)}`);
  }
  // TopicArn, executionArn, stateMachineArn, FunctionArn: an API that names its resource by ARN says so.
  const named = Object.keys(input).find((name) => /arn$/i.test(name) && text(name)?.startsWith("arn:"));
  return one(named === undefined ? "*" : String(input[named]));
}

/** A body of the JSON protocols, or a form of the query protocol; what is neither is the service's to refuse. */
function inputOf(body: string): JsonObject {
  try {
    const input: unknown = JSON.parse(body);
    return isObject(input) ? input : {};
  } catch {
    return Object.fromEntries(new URLSearchParams(body));
  }
}

/** A request's credential scope. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html */
function scopeOf(request: IncomingMessage): { readonly accessKeyId: string; readonly service: string } {
  const scope = /Credential=([^/,]+)\/\d+\/[^/]*\/([^/]+)\/aws4_request/.exec(request.headers.authorization ?? "");
  return { accessKeyId: scope?.[1] ?? "", service: scope?.[2] ?? "" };
}

/** Service authorization reference, "Actions defined by Amazon S3": the action and the resource of a request. */
export function s3Calls(request: Pick<IncomingMessage, "method" | "url" | "headers">): readonly Called[] {
  const { pathname, searchParams: query } = new URL(request.url ?? "/", "http://127.0.0.1");
  const [bucket = "", ...rest] = decodeURIComponent(pathname).slice(1).split("/");
  const key = rest.join("/");
  const method = request.method ?? "GET";
  const isRead = method === "GET" || method === "HEAD";
  const call = (operation: string, name = `${bucket}${key && `/${key}`}`, context = {}): Called => ({
    operation,
    action: `s3:${operation}`,
    resource: name === "" ? "*" : `arn:aws:s3:::${name}`,
    context,
  });
  if (bucket === "") {
    return [call("ListAllMyBuckets")];
  }
  const verb = { GET: "Get", HEAD: "Get", PUT: "Put", POST: "Put", DELETE: "Delete" }[method] ?? method;
  if (key !== "") {
    const source = request.headers["x-amz-copy-source"];
    const copied =
      source === undefined ? [] : [call("GetObject", decodeURIComponent(String(source)).replace(/^\//, ""))];
    const isAbort = method === "DELETE" && query.has("uploadId");
    const isTagging = query.has("tagging");
    return [call(isAbort ? "AbortMultipartUpload" : `${verb}Object${isTagging ? "Tagging" : ""}`), ...copied];
  }
  const setting = Object.keys(bucketSettings).find((name) => query.has(name));
  if (setting !== undefined) {
    return [call(`${verb}${bucketSettings[setting]}`)];
  }
  if (query.has("delete")) {
    return [call("DeleteObject", `${bucket}/*`)];
  }
  const context = Object.fromEntries(
    ["prefix", "delimiter"].flatMap((name) => (query.has(name) ? [[`s3:${name}`, query.get(name) ?? ""]] : [])),
  );
  return [isRead ? call("ListBucket", bucket, context) : call(method === "PUT" ? "CreateBucket" : "DeleteBucket")];
}

function requestTags(tags: unknown): Readonly<Record<string, string>> {
  const pairs: readonly unknown[] = Array.isArray(tags) ? tags : [];
  return Object.fromEntries(pairs.filter(isObject).map((tag) => [String(tag["Key"]), String(tag["Value"] ?? "")]));
}

function tagContext(key: string, tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(tags).map(([name, value]) => [`${key}/${name}`, value]));
}
