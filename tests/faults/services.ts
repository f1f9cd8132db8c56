import { createHash } from "node:crypto";
import { sha256 } from "../../lambdas/aws/s3.ts";
import { AwsError } from "../../local/support/aws-error.ts";
import { account, bucket, model, region, wheelhouse } from "./deployed.ts";
import type { HttpRequest, HttpResponse } from "./sandbox.ts";

/** One call of an AWS API, taken off the wire. */
export interface Call {
  readonly service: Service;
  readonly operation: string;
  /** The JSON body, or the form's fields. */
  // biome-ignore lint/suspicious/noExplicitAny: as many types as operations; each names what it reads
  readonly input: any;
}

export type Service = "emr" | "s3" | "sns" | "sts" | "iam" | "ec2" | "states" | "quotas";

const jsonServices: Readonly<Record<string, Service>> = {
  elasticmapreduce: "emr",
  states: "states",
  servicequotas: "quotas",
};

/** The operation of an S3 request: S3 has no name for it on the wire. */
function s3Operation(method: string, key: string, query: URLSearchParams): string {
  if (key !== "")
    return { GET: "GetObject", HEAD: "HeadObject", PUT: "PutObject", DELETE: "DeleteObject" }[method] ?? method;
  if (query.has("publicAccessBlock")) return "GetPublicAccessBlock";
  if (query.has("replication")) return "GetBucketReplication";
  return method === "HEAD" ? "HeadBucket" : "ListObjectsV2";
}

export function parseCall({ host, method, path, headers, body }: HttpRequest): Call {
  const labels = host.split(".");
  const [first = ""] = labels;
  if (labels.includes("s3")) {
    const url = new URL(`https://${host}${path}`);
    const key = decodeURIComponent(url.pathname.slice(1));
    const operation = s3Operation(method, key, url.searchParams);
    return { service: "s3", operation, input: { key, query: url.searchParams, headers, body } };
  }
  const json = jsonServices[first];
  if (json !== undefined) {
    const target = headers["x-amz-target"] ?? headers["X-Amz-Target"] ?? "";
    return { service: json, operation: target.split(".").at(-1) ?? "", input: JSON.parse(body.toString() || "{}") };
  }
  const form = new URLSearchParams(body.toString());
  return { service: first as Service, operation: form.get("Action") ?? "", input: Object.fromEntries(form) };
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c] ?? c);
}

/** A refusal in the service's own protocol. */
export function refusal({ service, operation }: Call, { name, message, status }: AwsError): HttpResponse {
  const error = `<Code>${name}</Code><Message>${escaped(message)}</Message>`;
  if (["emr", "states", "quotas"].includes(service)) {
    return {
      status,
      headers: { "content-type": "application/x-amz-json-1.1" },
      body: JSON.stringify({ __type: name, message }),
    };
  }
  const xml = {
    s3: `<Error>${error}</Error>`,
    ec2: `<Response><Errors><Error>${error}</Error></Errors><RequestID>r</RequestID></Response>`,
  }[service as string];
  const body =
    xml ?? `<ErrorResponse><Error><Type>Sender</Type>${error}</Error><RequestId>r</RequestId></ErrorResponse>`;
  return { status, headers: { "content-type": "text/xml" }, body: operation.startsWith("Head") ? "" : body };
}

function xml(body: string): HttpResponse {
  return { status: 200, headers: { "content-type": "text/xml" }, body };
}

export function json(value: unknown): HttpResponse {
  return {
    status: 200,
    headers: { "content-type": "application/x-amz-json-1.1" },
    body: JSON.stringify(value),
  };
}

/** One bucket, which has what `cdk deploy` and a person have put there. */
export class S3 {
  readonly objects = new Map<string, Buffer>([
    [`artifacts/${sha256(model)}/model.tflite`, Buffer.from(model)],
    [`artifacts/${sha256(wheelhouse)}/wheelhouse.tar`, Buffer.from(wheelhouse)],
    ...["Apple/0.jpg", "Apple/1.jpg", "Pear/0.jpg", "Pear/1.jpg"].map(
      (path) => [`data/raw/Training/${path}`, Buffer.from(path)] as const,
    ),
  ]);

  json(key: string): unknown {
    const body = this.objects.get(key);
    return body === undefined ? undefined : JSON.parse(body.toString());
  }

  write(key: string, value: unknown): void {
    this.objects.set(key, Buffer.from(typeof value === "string" ? value : JSON.stringify(value)));
  }

  /** @throws AwsError */
  handle({ operation, input }: Call): HttpResponse {
    const { key, query, headers, body } = input as {
      key: string;
      query: URLSearchParams;
      headers: Record<string, string>;
      body: Buffer;
    };
    const header = (name: string) => headers[name] ?? headers[name.toLowerCase()];
    const found = this.objects.get(key);
    switch (operation) {
      case "HeadBucket":
        return { status: 200, headers: { "x-amz-bucket-region": region }, body: "" };
      case "GetPublicAccessBlock": {
        const settings = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];
        const set = settings.map((name) => `<${name}>true</${name}>`).join("");
        return xml(`<PublicAccessBlockConfiguration>${set}</PublicAccessBlockConfiguration>`);
      }
      case "GetBucketReplication":
        throw new AwsError("ReplicationConfigurationNotFoundError", "There is none", 404);
      case "ListObjectsV2":
        return this.#list(query.get("prefix") ?? "", query.get("delimiter"));
      case "PutObject":
        if (header("If-None-Match") === "*" && found !== undefined)
          throw new AwsError("PreconditionFailed", "It is there", 412);
        this.objects.set(key, body);
        return { status: 200, headers: { etag: etag(body) }, body: "" };
      case "DeleteObject":
        this.objects.delete(key);
        return { status: 204, headers: {}, body: "" };
      default: {
        if (found === undefined)
          throw new AwsError(operation === "HeadObject" ? "NotFound" : "NoSuchKey", "There is no such key", 404);
        const content = { "content-length": String(found.length), etag: etag(found) };
        return { status: 200, headers: content, body: operation === "HeadObject" ? "" : found };
      }
    }
  }

  #list(prefix: string, delimiter: string | null): HttpResponse {
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
    const folders = new Set<string>();
    const contents: string[] = [];
    for (const key of keys) {
      const end = delimiter === null ? -1 : key.indexOf(delimiter, prefix.length);
      if (end >= 0) folders.add(key.slice(0, end + 1));
      else {
        const body = this.objects.get(key) ?? Buffer.alloc(0);
        contents.push(
          `<Contents><Key>${escaped(key)}</Key><Size>${body.length}</Size><ETag>${escaped(etag(body))}</ETag></Contents>`,
        );
      }
    }
    const common = [...folders].map((folder) => `<CommonPrefixes><Prefix>${escaped(folder)}</Prefix></CommonPrefixes>`);
    return xml(
      `<ListBucketResult><IsTruncated>false</IsTruncated>${contents.join("")}${common.join("")}</ListBucketResult>`,
    );
  }
}

function etag(body: Buffer): string {
  return `"${createHash("md5").update(body).digest("hex")}"`;
}

const trust = encodeURIComponent('{"Principal":{"Service":"elasticmapreduce.amazonaws.com"}}');

/** What Preflight asks and no scenario changes but by a fault: the rest of the account is in order. */
const answers: Readonly<Record<string, string>> = {
  GetCallerIdentity: `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::${account}:assumed-role/f</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`,
  GetRole: `<GetRoleResponse><GetRoleResult><Role><RoleName>r</RoleName><AssumeRolePolicyDocument>${trust}</AssumeRolePolicyDocument></Role></GetRoleResult></GetRoleResponse>`,
  GetInstanceProfile:
    "<GetInstanceProfileResponse><GetInstanceProfileResult><InstanceProfile><Roles><member><RoleName>r</RoleName></member></Roles></InstanceProfile></GetInstanceProfileResult></GetInstanceProfileResponse>",
  DescribeInstanceTypes:
    "<DescribeInstanceTypesResponse><instanceTypeSet><item><instanceType>m5.xlarge</instanceType></item></instanceTypeSet></DescribeInstanceTypesResponse>",
  ListSubscriptionsByTopic: `<ListSubscriptionsByTopicResponse><ListSubscriptionsByTopicResult><Subscriptions><member><SubscriptionArn>arn:aws:sns:${region}:${account}:orchard:1</SubscriptionArn><Endpoint>you@example.com</Endpoint></member></Subscriptions></ListSubscriptionsByTopicResult></ListSubscriptionsByTopicResponse>`,
  Publish: "<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>",
};

/** Every subnet is the stack's own, tagged and with room. */
function subnets(input: Readonly<Record<string, string>>): string {
  const ids = Object.entries(input).flatMap(([key, id]) => (key.startsWith("SubnetId.") ? [id] : []));
  const tag = "<key>for-use-with-amazon-emr-managed-policies</key><value>true</value>";
  const items = ids.map(
    (id) =>
      `<item><subnetId>${id}</subnetId><availabilityZone>${region}a</availabilityZone><availableIpAddressCount>250</availableIpAddressCount><tagSet><item>${tag}</item></tagSet></item>`,
  );
  return `<DescribeSubnetsResponse><subnetSet>${items.join("")}</subnetSet></DescribeSubnetsResponse>`;
}

/** @throws Error when a handler calls what the model lacks */
export function standing(call: Call): HttpResponse {
  if (call.operation === "GetServiceQuota") return json({ Quota: { Value: 256 } });
  const body = call.operation === "DescribeSubnets" ? subnets(call.input) : answers[call.operation];
  if (body === undefined) throw new Error(`The model has no answer to ${call.service}:${call.operation}`);
  return xml(body);
}

/** What the Spark job leaves for a step: right by the plan, or (invalid) with an image less. */
export function sparkResults(s3: S3, args: readonly string[], isInvalid: boolean): void {
  const step = ["inventory", "features", "reduction"].find((name) => args.includes(name));
  const planKey = (args.at(-1) ?? "").replace(`s3://${bucket}/`, "");
  // biome-ignore lint/suspicious/noExplicitAny: the plan is Preflight's, and this is not the place to check it
  const plan = s3.json(planKey) as any;
  const run = planKey.slice(0, -"plan.json".length);
  const images = plan.counts.images - (isInvalid ? 1 : 0);
  const check = (name: string) => ({ name, ok: true, detail: "" });
  if (step === "inventory") {
    const { labels } = plan.counts;
    const selected = { images, labels, fingerprint: plan.selection };
    s3.write(`${run}inventory/summary.json`, { images, labels, selected });
    s3.write(`${run}inventory/metadata/part-0.csv`, "s3_path,label\n");
    s3.write(`${run}inventory/stats/part-0.csv`, `split,label,count\nTraining,all,${images}\n`);
  } else if (step === "features") {
    const summary = {
      images,
      errors: 0,
      reasons: {},
      computed: images,
      reused: 0,
      changed: 0,
      dimensions: 1280,
      checks: [],
    };
    s3.write(`${run}features/summary.json`, summary);
    s3.write(`${run}features/csv/part-0.csv`, "path,label,features_string\n");
  } else {
    s3.write(`${run}model_info/model_info.json`, {
      pca_components: plan.pca.components,
      original_dimensions: 1280,
      reduced_dimensions: plan.pca.components,
      total_variance_explained: 0.95,
      num_images_processed: images,
      model: { weights: "imagenet", sha256: plan.model.sha256 },
      labels: plan.counts.labels,
      errors: 0,
      checks: ["row_count", "dimensions", "finite", "unique_paths", "variance"].map(check),
    });
    s3.write(`${run}pca/csv/part-0.csv`, "path,label,pca_features_string\n");
  }
}
