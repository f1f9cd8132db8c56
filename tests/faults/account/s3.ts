import { createHash } from "node:crypto";
import { sha256 } from "../../../lambdas/aws/s3.ts";
import { AwsError } from "../../../local/support/aws-error.ts";
import { type ApiCall, escapeXml, xmlResponse } from "./aws-protocols.ts";
import { model, region, wheelhouse } from "./deployed.ts";
import type { HttpResponse } from "./sandbox.ts";

/** The data bucket, with the artifacts that `cdk deploy` uploads and four images. */
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

  /** Answers one request. @throws AwsError */
  handle({ operation, input }: ApiCall): HttpResponse {
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
        return xmlResponse(`<PublicAccessBlockConfiguration>${set}</PublicAccessBlockConfiguration>`);
      }
      case "GetBucketReplication":
        throw new AwsError("ReplicationConfigurationNotFoundError", "There is no replication configuration", 404);
      case "ListObjectsV2":
        return this.#list(query.get("prefix") ?? "", query.get("delimiter"));
      case "PutObject":
        if (header("If-None-Match") === "*" && found !== undefined)
          throw new AwsError("PreconditionFailed", "The object exists", 412);
        this.objects.set(key, body);
        return { status: 200, headers: { etag: etag(body) }, body: "" };
      case "DeleteObject":
        this.objects.delete(key);
        return { status: 204, headers: {}, body: "" };
      default: {
        if (found === undefined)
          throw new AwsError(
            operation === "HeadObject" ? "NotFound" : "NoSuchKey",
            "The specified key does not exist.",
            404,
          );
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
          `<Contents><Key>${escapeXml(key)}</Key><Size>${body.length}</Size><ETag>${escapeXml(etag(body))}</ETag></Contents>`,
        );
      }
    }
    const common = [...folders].map(
      (folder) => `<CommonPrefixes><Prefix>${escapeXml(folder)}</Prefix></CommonPrefixes>`,
    );
    return xmlResponse(
      `<ListBucketResult><IsTruncated>false</IsTruncated>${contents.join("")}${common.join("")}</ListBucketResult>`,
    );
  }
}

function etag(body: Buffer): string {
  return `"${createHash("md5").update(body).digest("hex")}"`;
}
