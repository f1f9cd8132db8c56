import type { AwsError } from "../../../local/support/aws-error.ts";
import type { HttpRequest, HttpResponse } from "./sandbox.ts";

export type Service = "emr" | "s3" | "sns" | "sts" | "iam" | "ec2" | "states" | "quotas" | "cloudformation";

/** A call of an AWS API, parsed from its HTTP request. */
export interface ApiCall {
  readonly service: Service;
  readonly operation: string;
  /** The JSON body, the fields of the form or, for S3, the parts of the request. */
  // biome-ignore lint/suspicious/noExplicitAny: each operation has its own input
  readonly input: any;
}

const jsonServices: Readonly<Record<string, Service>> = {
  elasticmapreduce: "emr",
  states: "states",
  servicequotas: "quotas",
};
const jsonType = "application/x-amz-json-1.1";

/** Parses a request of the protocols REST-XML (S3), JSON 1.1 and Query. */
export function parseCall({ host, method, path, headers, body }: HttpRequest): ApiCall {
  const labels = host.split(".");
  const [first = ""] = labels;
  if (labels.includes("s3")) {
    const url = new URL(`https://${host}${path}`);
    const key = decodeURIComponent(url.pathname.slice(1));
    const operation = s3Operation(method, key, url.searchParams);
    return { service: "s3", operation, input: { key, query: url.searchParams, headers, body } };
  }
  const service = jsonServices[first];
  if (service !== undefined) {
    const target = headers["x-amz-target"] ?? headers["X-Amz-Target"] ?? "";
    return { service, operation: target.split(".").at(-1) ?? "", input: JSON.parse(body.toString() || "{}") };
  }
  const form = new URLSearchParams(body.toString());
  return { service: first as Service, operation: form.get("Action") ?? "", input: Object.fromEntries(form) };
}

/** Derives the operation from the request, because S3's requests do not name it. */
function s3Operation(method: string, key: string, query: URLSearchParams): string {
  if (key !== "")
    return { GET: "GetObject", HEAD: "HeadObject", PUT: "PutObject", DELETE: "DeleteObject" }[method] ?? method;
  if (query.has("publicAccessBlock")) return "GetPublicAccessBlock";
  if (query.has("replication")) return "GetBucketReplication";
  return method === "HEAD" ? "HeadBucket" : "ListObjectsV2";
}

export function jsonResponse(value: unknown): HttpResponse {
  return { status: 200, headers: { "content-type": jsonType }, body: JSON.stringify(value) };
}

export function xmlResponse(body: string): HttpResponse {
  return { status: 200, headers: { "content-type": "text/xml" }, body };
}

/** Formats an error in the protocol of the service. */
export function errorResponse({ service, operation }: ApiCall, { name, message, status }: AwsError): HttpResponse {
  if (Object.values(jsonServices).includes(service)) {
    return { status, headers: { "content-type": jsonType }, body: JSON.stringify({ __type: name, message }) };
  }
  const error = `<Code>${name}</Code><Message>${escapeXml(message)}</Message>`;
  const bodies: Partial<Record<Service, string>> = {
    s3: `<Error>${error}</Error>`,
    ec2: `<Response><Errors><Error>${error}</Error></Errors><RequestID>r</RequestID></Response>`,
  };
  const xml =
    bodies[service] ??
    `<ErrorResponse><Error><Type>Sender</Type>${error}</Error><RequestId>r</RequestId></ErrorResponse>`;
  return { status, headers: { "content-type": "text/xml" }, body: operation.startsWith("Head") ? "" : xml };
}

export function escapeXml(text: string): string {
  return text.replaceAll(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c] ?? c);
}
